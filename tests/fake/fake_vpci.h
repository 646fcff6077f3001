/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest for the tests of vPCI: a machine with a network card, a device with two small BARs in one page, a
 * host bridge, and a root port with a device behind it; the guest's second-stage table as a list of
 * mappings; a platform that knows RAM and an IOMMU.
 *
 * Include after cmocka.h. Supplies vm_map_mmio() and its kin, arch_cpu_relax() and panic().
 */
#ifndef TESTS_FAKE_VPCI_H
#define TESTS_FAKE_VPCI_H

#include <sched.h>

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/pages.h"
#include "drivers/pci/internal.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_msix.h"
#include "tests/fake/fake_pci.h"
#include "tests/fake/fake_remap.h"

#define POOL_SIZE (8 * SIZE_2M)

#define NIC PCI_BDF(0, 2, 0)
#define SMALL PCI_BDF(0, 3, 0)
#define HOST PCI_BDF(0, 0, 0)
#define PORT PCI_BDF(0, 4, 0)
#define BEHIND PCI_BDF(1, 0, 0)

void arch_cpu_relax(void)
{
	sched_yield();
}

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static char log_text[65536];

static inline void sink(enum log_level level, const char *line, size_t len)
{
	size_t used = strlen(log_text);

	if (used + len + 2 < sizeof(log_text))
		snprintf(log_text + used, sizeof(log_text) - used, "%.*s\n", (int)len, line);
}

static inline unsigned int times_logged(const char *words)
{
	unsigned int n = 0;

	for (const char *p = log_text; (p = strstr(p, words)); p++)
		n++;
	return n;
}

/* What went wrong under a lock, which an assertion would leave locked for the next test: teardown() fails. */
static const char *broken;

#define note(condition) (void)((condition) ? 0 : (broken = #condition, 0))

/* ---- the guest's map, as this file keeps it; a test with threads brings its own ---- */
#ifndef FAKE_VPCI_OWN_VM

struct mapping {
	u64 gpa, hpa, size;
	unsigned int prot;
};

static struct mapping map[64];
static unsigned int mappings;
static unsigned long map_calls; /* that succeeded */
static int map_error; /* what vm_map_mmio() says next, once */
static struct vm_mmio_region region;
static unsigned int regions;

/*
 * Shoot-downs: their number, and one that no CPU answers. What was unmapped is remembered until one: nobody
 * may stand there.
 */
static unsigned int shootdowns, shootdown_failures;
static struct mapping stale[64];
static unsigned int stales;
static void (*at_wait)(void);	  /* while a shoot-down is waited for: what other CPUs do meanwhile */
static void (*at_map)(u64 gpa);	  /* just before the guest reaches that address */
static void (*at_unmap)(u64 gpa); /* while it still does */
static int unmap_error;		  /* what vm_unmap_mmio() says next, once */

int vm_map_mmio(struct vm *vm, gpa_t gpa, paddr_t hpa, u64 size, unsigned int prot)
{
	int ret = map_error;

	note(size && !((gpa | hpa | size) & 0xfff));
	map_error = 0;
	if (at_map)
		at_map(gpa);
	for (unsigned int i = 0; i < stales; i++)
		note(!ranges_overlap(stale[i].gpa, stale[i].size, gpa, size));
	for (unsigned int i = 0; i < mappings && !ret; i++) {
		if (ranges_overlap(map[i].gpa, map[i].size, gpa, size))
			ret = -EEXIST;
	}
	if (!ret) {
		assert_true(mappings < ARRAY_SIZE(map));
		map_calls++;
		map[mappings++] = (struct mapping){ gpa, hpa, size, prot };
	}
	return ret;
}

int vm_unmap_mmio(struct vm *vm, gpa_t gpa, u64 size)
{
	int ret = unmap_error;

	unmap_error = 0;
	if (ret)
		return ret;
	if (at_unmap)
		at_unmap(gpa);
	for (unsigned int i = 0; i < mappings; i++) {
		if (map[i].gpa == gpa && map[i].size == size) {
			assert_true(stales < ARRAY_SIZE(stale));
			stale[stales++] = map[i];
			map[i] = map[--mappings];
			return 0;
		}
	}
	note(!"what is unmapped was mapped");
	return -ENOENT;
}

u64 vm_shootdown(struct vm *vm)
{
	return ++shootdowns;
}

int vm_shootdown_wait(struct vm *vm, u64 generation)
{
	assert_int_equal(generation, shootdowns);
	if (at_wait)
		at_wait();
	if (shootdown_failures) {
		shootdown_failures--;
		return -ETIMEDOUT;
	}
	stales = 0;
	return 0;
}

/* Can a CPU that has not been shot down yet still use this address? */
static inline bool reach_stale(u64 gpa)
{
	for (unsigned int i = 0; i < stales; i++) {
		if (gpa - stale[i].gpa < stale[i].size)
			return true;
	}
	return false;
}

int vm_add_region(struct vm *vm, const struct vm_mmio_region *r)
{
	region = *r;
	regions++;
	return 0;
}

/* Host address behind a guest address; 0: nothing. */
static inline u64 reach(u64 gpa)
{
	for (unsigned int i = 0; i < mappings; i++) {
		if (gpa - map[i].gpa < map[i].size)
			return map[i].hpa + (gpa - map[i].gpa);
	}
	return 0;
}
#endif

/* ---- the platform ---- */

static struct {
	u32 port, host, size; /* size 0: nothing */
} ports[8];

static inline int map_ports(void *ctx, u16 port, u16 host, u32 size, bool on)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++) {
		if (on && !ports[i].size) {
			ports[i].port = port;
			ports[i].host = host;
			ports[i].size = size;
			return 0;
		}
		if (!on && ports[i].size == size && ports[i].port == port && ports[i].host == host) {
			ports[i].size = 0;
			return 0;
		}
	}
	return -EINVAL;
}

static inline u32 reach_port(u32 port)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(ports); i++) {
		if (port - ports[i].port < ports[i].size)
			return ports[i].host + (port - ports[i].port);
	}
	return 0;
}

/* RAM below 2 GiB and from 4 to 6 GiB; an IOMMU's registers. */
static inline bool may_map(void *ctx, gpa_t gpa, u64 size)
{
	return !ranges_overlap(gpa, size, 0, 0x80000000) &&
	       !ranges_overlap(gpa, size, 0x100000000, 0x80000000) &&
	       !ranges_overlap(gpa, size, 0xfed90000, 0x1000);
}

static const struct vpci_platform test_platform = { .map_ports = map_ports, .may_map = may_map };

/* ---- the machine ---- */

static u8 *pool;
static struct vm vm;
static struct fake_fn *nic, *small, *host, *port, *behind;

static inline u64 rd(u16 bdf, unsigned int offset, unsigned int size)
{
	return vpci_read((struct sbdf){ 0, bdf }, offset, size);
}

static inline void wr(u16 bdf, unsigned int offset, unsigned int size, u64 value)
{
	vpci_write((struct sbdf){ 0, bdf }, offset, size, value);
}

static inline struct pci_dev *device(u16 bdf)
{
	struct pci_dev *dev = pci_dev_find((struct sbdf){ 0, bdf });

	assert_non_null(dev);
	pci_dev_put(dev, PCI_REF_TRANSIENT);
	return dev;
}

/* Taken away at once, as management does it on a machine where nobody else is busy with the device. */
static inline void detach(u16 bdf)
{
	assert_int_equal(vpci_withdraw_start(device(bdf)), 0);
	assert_int_equal(vpci_detach(device(bdf)), 0);
}

/* An e1000e-like endpoint: two memory BARs, ports, a ROM, and most capabilities. */
static inline void build_nic(void)
{
	nic = fake_add(NIC, 0x8086, 0x10d3, 0x020000, 0);
	fake_put(nic->cfg, 0x04, 2, 0x0103);
	fake_bar(nic, 0, 0x20000, 0x0, 0xfeb80000);
	fake_bar(nic, 1, 0x20, 0x1, 0xc040);
	fake_bar(nic, 2, 0x4000, 0xc, 0xa000000000);
	fake_rom(nic, 0x40000, 0xfe000000);
	fake_cap(nic, 0xc8, 0x01); /* power management */
	fake_set(nic, 0xca, 2, 0x4823, 0, 0);
	fake_set(nic, 0xcc, 2, 0x2000, 0x1f03, 0x8000);
	fake_cap(nic, 0xd0, 0x05); /* MSI, 64-bit */
	fake_set(nic, 0xd2, 2, 0x0080, 0x0071, 0);
	fake_set(nic, 0xd4, 4, 0, 0xfffffffc, 0);
	fake_set(nic, 0xd8, 4, 0, 0xffffffff, 0);
	fake_set(nic, 0xdc, 2, 0, 0xffff, 0);
	fake_cap(nic, 0x60, 0x03); /* VPD: not on the list */
	fake_set(nic, 0x62, 2, 0x1234, 0xffff, 0);
	fake_set(nic, 0x64, 4, 0x55667788, 0xffffffff, 0);
	fake_express(nic, 0x80, 0);
	fake_cap(nic, 0xa0 + 0x20, 0x11); /* MSI-X at 0xc0 */
	fake_set(nic, 0xc2, 2, 0x0004, 0xc000, 0);
	fake_set(nic, 0xc4, 4, 0x00002002, 0, 0); /* the table at 0x2000 of BAR 2 */
	fake_ext_cap(nic, 0x100, 0x0010, 1); /* SR-IOV: hidden, and the first */
	fake_set(nic, 0x108, 2, 0, 0xffff, 0);
	fake_ext_cap(nic, 0x140, 0x0001, 2); /* AER */
	fake_set(nic, 0x144, 4, 0x00100000, 0, 0x0ffff030);
	fake_set(nic, 0x148, 4, 0, 0x0ffff030, 0);
	fake_set(nic, 0x150, 4, 0x2001, 0, 0xf1c1);
	fake_set(nic, 0x15c, 4, 0xdeadbeef, 0, 0);
	fake_ext_cap(nic, 0x1a0, 0x000f, 1); /* ATS: hidden */
	fake_set(nic, 0x1a6, 2, 0, 0x801f, 0);
	fake_ext_cap(nic, 0x1c0, 0x0003, 1); /* serial number */
	fake_set(nic, 0x1c4, 4, 0x11223344, 0, 0);
}

/* Two BARs of 256 bytes in one page, and none of the better things. */
static inline void build_small(void)
{
	small = fake_add(SMALL, 0x1234, 0x11e8, 0x00ff00, 0);
	fake_put(small->cfg, 0x04, 2, 0x0002);
	fake_bar(small, 0, 0x100, 0x0, 0xfea00100);
	fake_bar(small, 1, 0x100, 0x0, 0xfea00200);
	fake_set(small, 0x50, 4, 0x01020304, 0xffffffff, 0); /* device-specific */
}

static inline void build_bridges(void)
{
	host = fake_add(HOST, 0x8086, 0x29c0, 0x060000, 0);
	fake_put(host->cfg, 0x04, 2, 0x0007);
	fake_set(host, 0x60, 4, 0xb0000001, 0xffffffff, 0); /* PCIEXBAR */
	fake_set(host, 0x90, 4, 0x33333333, 0xffffffff, 0); /* PAM */
	fake_set(host, 0x10, 4, 0xfed10000, 0xfffff000, 0);
	fake_cap(host, 0xe0, 0x09); /* a vendor's capability, 16 bytes */
	fake_set(host, 0xe2, 2, 0x0010, 0xff00, 0);
	fake_set(host, 0xe4, 4, 0x11111111, 0xffffffff, 0);
	fake_set(host, 0xe8, 4, 0x22222222, 0xffffffff, 0);
	port = fake_add_bridge(PORT, 1, 1);
	fake_express(port, 0x40, 4);
	fake_set(port, 0x42, 2, 0x0142, 0, 0);
	fake_set(port, 0x54, 4, 0x0004007b, 0, 0); /* slot capabilities: everything */
	fake_set(port, 0x58, 2, 0, 0x1fff, 0);
	fake_set(port, 0x5a, 2, 0x0040, 0, 0x011f);
	fake_bar(port, 0, 0x1000, 0, 0xfe900000);
	behind = fake_add(BEHIND, 0x1af4, 0x1041, 0x020000, 0);
	fake_bar(behind, 0, 0x1000, 0, 0xfe800000);
}

static inline int setup(void **state)
{
	pool = aligned_alloc(SIZE_2M, POOL_SIZE);
	pages_init(virt_to_phys(pool), POOL_SIZE);
	log_text[0] = '\0';
	log_set_sink(sink);
#ifndef FAKE_VPCI_OWN_VM
	mappings = 0;
	map_error = unmap_error = 0;
	shootdowns = shootdown_failures = stales = 0;
	at_wait = NULL;
	at_map = at_unmap = NULL;
#endif
	memset(ports, 0, sizeof(ports));
	fake_mmio_begin();
	fake_registers(0xa000000000, 0x4000);
	fake_remap_begin(false); /* messages are only checked; a test may remap them */
	fake_machine_reset();
	build_bridges();
	build_nic();
	build_small();
	assert_int_equal(pci_objects_init(32), 0);
	assert_int_equal(pci_enumerate(), 5);
	assert_int_equal(vpci_init(&vm, &test_platform, 8), 0);
	fake.bad_accesses = 0;
	return 0;
}

static inline int attach_all(void **state)
{
	int ret = setup(state);

	for (struct pci_dev *d = pci_dev_next(NULL); d && !ret; d = pci_dev_next(d))
		ret = vpci_attach(d);
	return ret;
}

static inline int teardown(void **state)
{
	const char *what = broken;

	broken = NULL;
	log_set_sink(NULL);
	free(pool);
	if (what)
		fail_msg("under a lock: not so: %s", what);
	assert_null(fake_remap.misuse);
	assert_int_equal(fake_mmio.bad, 0);
	assert_int_equal(fake.bad_accesses, 0);
	return 0;
}

/* Writes of each size and place; the hardware's and the guest's register must not change. */
static inline void expect_read_only(u16 bdf, struct fake_fn *f, unsigned int offset, unsigned int length)
{
	u64 before = rd(bdf, offset, length);
	u32 hw = fake_reg(f, offset, length);

	for (unsigned int size = 1; size <= length; size *= 2) {
		for (unsigned int o = offset; o + size <= offset + length; o++) {
			wr(bdf, o, size, 0xa5a5a5a5);
			wr(bdf, o, size, 0);
		}
	}
	assert_int_equal(rd(bdf, offset, length), before);
	assert_int_equal(fake_reg(f, offset, length), hw);
}

#define T(name) cmocka_unit_test_setup_teardown(name, attach_all, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
