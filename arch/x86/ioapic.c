/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APICs as the guest sees them. It guards that the hardware's table says what the guest wrote as far
 * as that is allowed, that no interrupt is lost or doubled while an entry changes, and that a write returns
 * when it is in force.
 *
 * With interrupt remapping an entry is two: the one in the I/O APIC, which raises a message, and the one in
 * the IOMMU's table, which says what the message delivers. The IOMMU caches the latter, and dropping the old
 * one waits, which nobody does under a lock. So a change has two halves, and the second counts only if the
 * change is still the newest one. docs/design/interrupts.md says why nothing is lost.
 */
#include "arch/x86/ioapic.h"

#include "core/arch.h"
#include "core/counters.h"
#include "core/errno.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/mmio.h"
#include "core/pages.h"
#include "drivers/iommu/intr.h"

LOCK_CLASS(ioapic_class, "ioapic");

#define NO_REGISTERS 0xffffffffu /* what reads where nothing answers */
#define DELIVERY_MODES 8u

struct pin {
	struct rte written;	/* by the guest, bits that it can write only */
	struct rte hardware;	/* as it is there */
	struct rte remapped;	/* rte_remappable() of its remapping entry */
	struct apic_target target; /* what the remapping entry says, */
	bool delivers;		/* if it says anything */
	u32 changes;		/* the guest's, counted */
	u32 set, flushed;	/* changes of the remapping entry, counted; those in force */
};
#define PIN_PAGES ALIGN_UP(IOAPIC_PINS_MAX * sizeof(struct pin), PAGE_SIZE) / PAGE_SIZE

struct ioapic {
	struct spinlock lock;
	struct pin *pin GUARDED_BY(ioapic_class) PT_GUARDED_BY(ioapic_class);
	u8 select GUARDED_BY(ioapic_class); /* the guest's */
	u32 id GUARDED_BY(ioapic_class);    /* as the guest wrote it: it names nothing */
	bool refused[DELIVERY_MODES] GUARDED_BY(ioapic_class); /* logged */
	u64 refusals GUARDED_BY(ioapic_class);
	/* Fixed at boot: */
	u8 *registers;
	paddr_t base;
	u8 madt_id;
	u32 version;
	unsigned int pins;
	struct iommu *unit; /* which remaps its interrupts; NULL: none */
	u32 first_entry;    /* of pin 0 in that unit's table */
	bool shut;	    /* none of its interrupts could be checked: all stay masked */
};

static struct ioapic ioapics[ACPI_IOAPICS_MAX];
static unsigned int ioapic_count;

static void ioapic_lock_at(struct ioapic *io, struct code_site site) ACQUIRES(io->lock, ioapic_class)
	NO_THREAD_ANALYSIS
{
	spin_lock_at(&io->lock, site);
}
#define ioapic_lock(io) ioapic_lock_at(io, HERE)

static void ioapic_unlock(struct ioapic *io) RELEASES(io->lock, ioapic_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&io->lock);
}

/* ---- hardware: two registers that belong together, so under the lock, or at boot ---- */

static u32 hw_read(const struct ioapic *io, unsigned int index)
{
	mmio_write32(io->registers + IOAPIC_SELECT, index);
	return mmio_read32(io->registers + IOAPIC_WINDOW);
}

static void hw_write(const struct ioapic *io, unsigned int index, u32 value)
{
	mmio_write32(io->registers + IOAPIC_SELECT, index);
	mmio_write32(io->registers + IOAPIC_WINDOW, value);
}

/* The upper half first: it is in place when the lower one unmasks. */
static void write_entry(struct ioapic *io, unsigned int n, struct rte rte) REQUIRES(ioapic_class)
{
	struct pin *pin = &io->pin[n];

	if (rte.high != pin->hardware.high)
		hw_write(io, IOAPIC_TABLE + 2 * n + 1, rte.high);
	hw_write(io, IOAPIC_TABLE + 2 * n, rte.low);
	pin->hardware = rte;
}

/* ---- a change ---- */

/* NULL: the remapping entry delivers nothing. Hardware may go by the old one until a flush. */
static void set_target(struct ioapic *io, unsigned int n, const struct apic_target *target)
	REQUIRES(ioapic_class)
{
	struct pin *pin = &io->pin[n];

	if (target ? pin->delivers && apic_target_same(&pin->target, target) : !pin->delivers)
		return;
	intr_set(io->unit, io->first_entry + n, target);
	pin->delivers = target;
	if (target)
		pin->target = *target;
	pin->set++;
}

/* What the guest's entry is allowed to deliver, now in the remapping entry; and what goes in the hardware. */
static struct rte settle(struct ioapic *io, unsigned int n) REQUIRES(ioapic_class)
{
	struct pin *pin = &io->pin[n];
	struct apic_target target;
	bool allowed = rte_target(pin->written, &target) && !io->shut;

	if (io->unit)
		set_target(io, n, allowed ? &target : NULL);
	return rte_hardware(pin->written, io->unit ? &pin->remapped : NULL, allowed);
}

/* The change that finish() ends. */
struct change {
	u32 number, set;
};

/*
 * The first half. True: a flush is due, then finish(). Masking is at once, and whatever needs no flush. A
 * level-triggered pin can be masked meanwhile: it is still asserted afterwards. An edge would be lost, so the
 * hardware's entry stays as it was.
 */
static bool begin(struct ioapic *io, unsigned int n, struct change *change) REQUIRES(ioapic_class)
{
	struct pin *pin = &io->pin[n];
	struct rte rte = settle(io, n), parked = rte;

	parked.low |= RTE_MASKED;
	*change = (struct change){ ++pin->changes, pin->set };
	if ((rte.low & RTE_MASKED) || pin->flushed == pin->set) {
		write_entry(io, n, rte);
		return false;
	}
	if ((rte.low & RTE_LEVEL) && pin->hardware.low != rte.low)
		write_entry(io, n, parked);
	return true;
}

/*
 * The second half: unless somebody else has changed the entry since, whose finish() it is then. Without the
 * flush nobody knows what the pin would deliver: it stays masked.
 */
static void finish(struct ioapic *io, unsigned int n, const struct change *change)
{
	int ret = intr_flush(io->unit, io->first_entry + n, 1);
	struct rte rte;

	ioapic_lock(io);
	if (!ret)
		io->pin[n].flushed = change->set; /* an older one than known: one flush too many, later */
	rte = settle(io, n);
	if (ret)
		rte.low |= RTE_MASKED;
	if (change->number == io->pin[n].changes && rte.low != io->pin[n].hardware.low)
		write_entry(io, n, rte);
	ioapic_unlock(io);
}

/* True, once for each delivery mode: the guest wants what it cannot have. */
static bool note_refusal(struct ioapic *io, unsigned int n) REQUIRES(ioapic_class)
{
	struct rte written = io->pin[n].written;
	struct apic_target target;
	bool logged;

	if ((written.low & RTE_MASKED) || rte_target(written, &target))
		return false;
	io->refusals++;
	logged = io->refused[RTE_MODE(written.low)];
	io->refused[RTE_MODE(written.low)] = true;
	return !logged;
}

static void entry_write(struct ioapic *io, unsigned int index, u32 value)
{
	unsigned int n = (index - IOAPIC_TABLE) / 2;
	struct change change;
	bool due, log;

	ioapic_lock(io);
	if (index % 2)
		io->pin[n].written.high = value & RTE_HIGH_WRITABLE;
	else
		io->pin[n].written.low = value & RTE_LOW_WRITABLE;
	log = note_refusal(io, n);
	due = begin(io, n, &change);
	ioapic_unlock(io);
	if (log)
		log_info("platform: I/O APIC 0x%llx: pin %u: 0x%x refused (mode %u, vector %u), stays masked",
			 (unsigned long long)io->base, n, value, RTE_MODE(value), RTE_VECTOR(value));
	if (due)
		finish(io, n, &change);
}

/* ---- the guest's accesses ---- */

static bool in_table(const struct ioapic *io, unsigned int index)
{
	return index >= IOAPIC_TABLE && index < IOAPIC_TABLE + 2 * io->pins;
}

static u32 entry_read(const struct ioapic *io, unsigned int index) REQUIRES(ioapic_class)
{
	const struct pin *pin = &io->pin[(index - IOAPIC_TABLE) / 2];

	if (index % 2)
		return pin->written.high;
	return pin->written.low | (hw_read(io, index) & RTE_LOW_READ_ONLY);
}

/* Reserved registers read as zero. The arbitration ID is what was last loaded in the ID (82093AA, 3.2.3). */
static u32 window_read(struct ioapic *io)
{
	u32 value = 0;

	ioapic_lock(io);
	if (in_table(io, io->select))
		value = entry_read(io, io->select);
	else if (io->select == IOAPIC_VERSION)
		value = io->version;
	else if (io->select == IOAPIC_ID || io->select == IOAPIC_ARBITRATION)
		value = io->id;
	ioapic_unlock(io);
	return value;
}

static void window_write(struct ioapic *io, u32 value)
{
	unsigned int index;

	ioapic_lock(io);
	index = io->select;
	if (index == IOAPIC_ID)
		io->id = value & IOAPIC_ID_WRITABLE;
	ioapic_unlock(io);
	if (in_table(io, index))
		entry_write(io, index, value);
}

static void select_write(struct ioapic *io, u32 value)
{
	ioapic_lock(io);
	io->select = (u8)value;
	ioapic_unlock(io);
}

static u32 select_read(struct ioapic *io)
{
	u32 value;

	ioapic_lock(io);
	value = io->select;
	ioapic_unlock(io);
	return value;
}

static void page_write(struct ioapic *io, unsigned int offset, unsigned int size, u32 value)
{
	if (offset == IOAPIC_SELECT)
		select_write(io, value);
	else if (size == 4 && offset == IOAPIC_WINDOW)
		window_write(io, value);
	else if (size == 4 && offset == IOAPIC_EOI && IOAPIC_VERSION_NUMBER(io->version) >= IOAPIC_HAS_EOI)
		mmio_write32(io->registers + IOAPIC_EOI, value & 0xff);
}

/*
 * The select register has 8 bits, which any access of it writes; the window and the EOI register take dwords
 * only (ICH9, 13.5.1 to 13.5.4). Everything else is dropped, and reads as all-ones.
 */
static void page_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value)
{
	struct ioapic *io = ctx;
	unsigned int offset = (unsigned int)(gpa - io->base);

	count_event(COUNT_IOAPIC);
	if (write)
		page_write(io, offset, size, (u32)*value);
	else if (offset == IOAPIC_SELECT)
		*value = select_read(io);
	else if (offset == IOAPIC_WINDOW && size == 4)
		*value = window_read(io);
	else
		*value = GENMASK64(size * 8 - 1, 0);
}

/* ---- boot ---- */

/*
 * Edge-triggered and masked. What a level-triggered one still has in service is ended before, or the pin
 * would stay silent for the guest.
 */
static void mask_leftover(const struct ioapic *io, unsigned int n)
{
	u32 low = hw_read(io, IOAPIC_TABLE + 2 * n);

	hw_write(io, IOAPIC_TABLE + 2 * n, low | RTE_MASKED);
	if ((low & RTE_REMOTE_IRR) && IOAPIC_VERSION_NUMBER(io->version) >= IOAPIC_HAS_EOI)
		mmio_write32(io->registers + IOAPIC_EOI, RTE_VECTOR(low));
	hw_write(io, IOAPIC_TABLE + 2 * n, RTE_MASKED);
}

/* False: one in its place is known already. */
static bool new_place(paddr_t base)
{
	for (unsigned int i = 0; i < ioapic_count; i++) {
		if (ranges_overlap(ioapics[i].base, IOAPIC_BYTES, base, IOAPIC_BYTES))
			return false;
	}
	return true;
}

/* Whatever firmware says, there are no registers. */
static bool is_memory(const struct memmap *map, paddr_t base)
{
	return memmap_is(map, base, IOAPIC_BYTES, MEM_RAM) || memmap_is(map, base, IOAPIC_BYTES, MEM_CUT) ||
	       memmap_is(map, base, IOAPIC_BYTES, MEM_FAIRLEAD);
}

/* NULL: it is in `io`, masked. Otherwise why not. */
static const char *find_one(struct ioapic *io, paddr_t base, u8 madt_id, const struct memmap *map)
{
	u32 version;

	if (!base || base % IOAPIC_BYTES || is_memory(map, base))
		return "no place for its registers";
	if (!new_place(base))
		return "firmware lists its registers twice";
	if (arch_map_registers(base, IOAPIC_BYTES))
		return "its registers cannot be mapped";
	*io = (struct ioapic){ .base = base, .registers = phys_to_virt(base), .madt_id = madt_id };
	version = hw_read(io, IOAPIC_VERSION);
	if (version == NO_REGISTERS)
		return "nothing answers there";
	io->pins = IOAPIC_VERSION_LAST_PIN(version) + 1;
	io->version = version & IOAPIC_VERSION_SHOWN;
	if (io->pins > IOAPIC_PINS_MAX)
		return "its version register states more pins than can be selected";
	for (unsigned int n = 0; n < io->pins; n++)
		mask_leftover(io, n);
	return NULL;
}

void ioapic_quiet(const struct acpi_machine *acpi, const struct memmap *map)
{
	ioapic_count = 0;
	for (unsigned int i = 0; i < acpi->ioapics; i++) {
		struct ioapic *io = &ioapics[ioapic_count];
		const char *why = find_one(io, acpi->ioapic[i].base, acpi->ioapic[i].id, map);

		if (why)
			log_warn("platform: I/O APIC %u at 0x%llx is not used: %s", acpi->ioapic[i].id,
				 (unsigned long long)acpi->ioapic[i].base, why);
		else
			ioapic_count++;
	}
}

/* Entries of its own for all pins, or none. */
static void find_unit(struct ioapic *io)
{
	int ret;

	if (!intr_remapped())
		return;
	ret = intr_platform_alloc(INTR_IOAPIC, io->madt_id, io->pins, &io->unit, &io->first_entry);
	if (!ret)
		return;
	io->unit = NULL;
	io->shut = true;
	log_warn("platform: I/O APIC %u at 0x%llx: its interrupts stay masked: %s", io->madt_id,
		 (unsigned long long)io->base,
		 ret == -ENODEV ? "firmware names no IOMMU for it" : "its IOMMU has no entries left");
}

/* The guest's table after a reset (82093AA, 3.2.4), and the same in the hardware. */
static void reset_entries(struct ioapic *io) REQUIRES(ioapic_class)
{
	io->id = hw_read(io, IOAPIC_ID) & IOAPIC_ID_WRITABLE;
	for (unsigned int n = 0; n < io->pins; n++) {
		struct pin *pin = &io->pin[n];

		pin->written.low = RTE_MASKED;
		pin->hardware.high = ~rte_hardware(pin->written, NULL, false).high; /* not known: written */
		if (io->unit)
			pin->remapped = rte_remappable(intr_message(io->unit, io->first_entry + n).address);
		write_entry(io, n, settle(io, n));
	}
}

static int start_one(struct vm *vm, struct ioapic *io)
{
	struct vm_mmio_region region = { io->base, IOAPIC_BYTES, page_access, io, "I/O APIC" };
	struct pin *pins = pages_alloc_contig(PIN_PAGES, PAGE_SIZE);

	if (!pins)
		return -ENOMEM;
	spin_init(&io->lock, &ioapic_class);
	find_unit(io);
	ioapic_lock(io);
	io->pin = pins;
	reset_entries(io);
	ioapic_unlock(io);
	return vm_add_region(vm, &region);
}

int ioapic_init(struct vm *vm)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < ioapic_count; i++)
		ret = start_one(vm, &ioapics[i]);
	return ret;
}
