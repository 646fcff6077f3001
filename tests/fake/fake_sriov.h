/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SR-IOV on the fake machine: a physical function's capability (PCIe base spec 6.0, 9.3.3), and virtual
 * functions that answer only while VF Enable is set, 100 ms after it was. VFs are functions of the machine
 * like others, but read their vendor and device ID as all-ones (9.3.4.1.1) and have no BARs.
 *
 * Hooks into fake.silent and fake.wrote, so a test that wants these itself calls fake_vf_silent() and
 * fake_vf_wrote().
 */
#ifndef TESTS_FAKE_SRIOV_H
#define TESTS_FAKE_SRIOV_H

#include "core/arch.h"
#include "tests/fake/fake_pci.h"

#define FAKE_VFS 32

static struct fake_sriov {
	struct fake_fn *pf, *vf[FAKE_VFS];
	unsigned int at, vfs;		/* the capability's offset; VFs that there can be */
	u64 enabled_at, disabled_at;	/* when VF Enable changed; 0: never */
	unsigned long touched_early;	/* the capability, within a second of VF Enable's end (9.3.3.3.1) */
	unsigned long locked_writes;	/* NumVFs or a page size changed while VF Enable was set (9.3.3.7, 9.3.3.13) */
	unsigned long sized_while_on;	/* a VF BAR written while VF MSE was set */
} fake_sriov;

static inline bool fake_vfs_on(void)
{
	return fake_reg(fake_sriov.pf, fake_sriov.at + 8, 2) & 1;
}

static inline bool fake_vf_silent(const struct fake_fn *f)
{
	for (unsigned int i = 0; i < fake_sriov.vfs; i++) {
		if (fake_sriov.vf[i] == f)
			return !fake_vfs_on() || i >= fake_reg(fake_sriov.pf, fake_sriov.at + 0x10, 2) ||
			       arch_time_us() < fake_sriov.enabled_at + 100000 || fake_sriov.pf->vanished;
	}
	return false;
}

static inline void fake_vf_wrote(struct fake_fn *f, unsigned int offset, unsigned int size, u32 value)
{
	struct fake_sriov *s = &fake_sriov;
	static bool was_on;

	(void)size;
	if (f != s->pf || offset < s->at || offset >= s->at + 0x40)
		return;
	if (s->disabled_at && arch_time_us() < s->disabled_at + 1000000)
		s->touched_early++;
	if (offset == s->at + 8) {
		if ((value & 1) && !(was_on && s->enabled_at)) {
			s->enabled_at = arch_time_us();
			s->disabled_at = 0;
		}
		if (!(value & 1) && s->enabled_at && was_on)
			s->disabled_at = arch_time_us();
		was_on = value & 1;
	}
	if (offset == s->at + 0x10 || offset == s->at + 0x20)
		s->locked_writes += fake_vfs_on();
	if (offset >= s->at + 0x24 && offset < s->at + 0x3c)
		s->sized_while_on += (fake_reg(f, s->at + 8, 2) & 8) != 0;
}

/*
 * Makes `pf` a physical function with that many VFs, of 16 KiB (64-bit, at 0x480000000) and 4 KiB (at
 * 0xd1000000) BARs each.
 */
static inline void fake_sriov_add(struct fake_fn *pf, unsigned int at, unsigned int vfs, u16 first, u16 stride)
{
	struct fake_sriov *s = &fake_sriov;

	memset(s, 0, sizeof(*s));
	s->pf = pf;
	s->at = fake_ext_cap(pf, at, 0x0010, 1);
	s->vfs = vfs;
	fake_set(pf, at + 0x08, 2, 0, 0x001f, 0);
	fake_set(pf, at + 0x0c, 4, vfs | vfs << 16, 0, 0);
	fake_set(pf, at + 0x10, 2, 0, 0xffff, 0);
	fake_set(pf, at + 0x14, 4, first | (u32)stride << 16, 0, 0);
	fake_set(pf, at + 0x1a, 2, 0x10ca, 0, 0);
	fake_set(pf, at + 0x1c, 4, 0x553, 0, 0);
	fake_set(pf, at + 0x20, 4, 1, 0x553, 0);
	fake_set(pf, at + 0x24, 4, 0x8000000c, 0xffffc000, 0);
	fake_set(pf, at + 0x28, 4, 4, 0xffffffff, 0);
	fake_set(pf, at + 0x30, 4, 0xd1000000, 0xfffff000, 0);
	for (unsigned int i = 0; i < vfs; i++) {
		struct fake_fn *vf = fake_add((u16)(pf->sbdf.bdf + first + i * stride), 0xffff, 0xffff, 0x020000, 0);

		fake_set(vf, 0x04, 2, 0, 0x0004, 0);
		fake_set(vf, 0x3c, 1, 0, 0, 0);
		vf->cfg[0x3d] = 0;
		fake_express(vf, 0x40, 0);
		s->vf[i] = vf;
	}
	fake.silent = fake_vf_silent;
	fake.wrote = fake_vf_wrote;
}

#endif
