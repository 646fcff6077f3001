/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of core/manage share beside the machine: an operation from its start to its event, what a
 * device looks like in the guest's hands and in quarantine, and calls that fail.
 */
#ifndef TESTS_MANAGE_RUN_H
#define TESTS_MANAGE_RUN_H

#include "tests/unit/manage_machine.h"

typedef int (*operation_fn)(struct sbdf sbdf, u32 *ticket, struct pci_reason *why);

/* Starts it, and sees it through. Its event. */
static inline struct pci_event run(operation_fn operation, u16 bdf, enum pci_op op)
{
	struct pci_reason why;
	u32 ticket = 0;
	int ret;

	forget_events();
	ret = operation(at(bdf), &ticket, &why);
	if (ret != -EINPROGRESS)
		fail_msg("refused: %s (%d)", why.text, ret);
	assert_string_equal(why.text, "");
	assert_int_equal(event_count, 0); /* never from within the call */
	settle();
	assert_true(event_count >= 1);
	assert_int_equal(events[0].ticket, ticket);
	assert_int_equal(events[0].op, op);
	assert_int_equal(events[0].sbdf.bdf, bdf);
	return events[0];
}

static inline void done(operation_fn operation, u16 bdf, enum pci_op op)
{
	assert_int_equal(run(operation, bdf, op).result, 0);
	assert_int_equal(event_count, 1);
}

static inline void refused(operation_fn operation, u16 bdf, int expected, const char *reason)
{
	struct pci_dev_info before = { 0 }, after = { 0 };
	struct pci_dev *dev = pci_dev_find(at(bdf));
	struct pci_reason why;
	u32 ticket;

	if (dev)
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	if (dev)
		before = info_of(bdf);
	forget_events();
	assert_int_equal(operation(at(bdf), &ticket, &why), expected);
	assert_string_equal(why.text, reason);
	settle();
	assert_int_equal(event_count, 0);
	if (dev)
		after = info_of(bdf);
	assert_memory_equal(&before, &after, sizeof(before));
	oracle_is_content();
}

static inline u64 maps_to(u64 gpa)
{
	u64 out;

	return pt_lookup(&vm.stage2, gpa, &out, NULL, NULL) ? 0 : out;
}

/* What a device in the guest's hands, and one in quarantine, look like from everywhere. */
static inline void is_the_guests(u16 bdf)
{
	struct pci_dev_info info = info_of(bdf);

	assert_int_equal(info.state, PCI_LIVE);
	assert_int_equal(info.owner, PCI_OWNER_GUEST);
	assert_int_equal(info.op, PCI_OP_NONE);
	assert_int_equal(info.flags, 0);
	assert_int_equal(vpci_read(at(bdf), 0, 4), 0x10d38086);
	assert_true(fi_dma(bdf, DMA_PAGE));
	assert_int_equal(info.refs_by_kind[PCI_REF_VPCI], 1);
	assert_int_equal(info.refs_by_kind[PCI_REF_WORK], 0);
	assert_int_equal(info.refs_by_kind[PCI_REF_TRANSIENT], 0);
	if (bdf == NIC) {
		assert_int_equal(maps_to(NIC_BAR), NIC_BAR);
		assert_int_equal(maps_to(NIC_BAR + 0x3000), NIC_BAR + 0x3000);
		assert_true(port_open[NIC_PORTS]);
	}
}

static inline void is_in_quarantine(u16 bdf, bool broken)
{
	struct pci_dev_info info = info_of(bdf);

	assert_int_equal(info.state, PCI_LIVE);
	assert_int_equal(info.owner, PCI_OWNER_QUARANTINE);
	assert_int_equal(info.op, PCI_OP_NONE);
	assert_int_equal(info.flags & PCI_FLAG_BROKEN, broken ? PCI_FLAG_BROKEN : 0);
	assert_int_equal(vpci_read(at(bdf), 0, 4), 0xffffffff);
	assert_int_equal(info.refs_by_kind[PCI_REF_WORK], 0);
	assert_int_equal(info.refs_by_kind[PCI_REF_TRANSIENT], 0);
	if (broken)
		return;
	assert_int_equal(info.refs, 2); /* BASE and OWNER */
	assert_false(fi_dma(bdf, DMA_PAGE));
	if (bdf == NIC) {
		assert_int_equal(maps_to(NIC_BAR), 0);
		assert_int_equal(maps_to(NIC_BAR + 0x3000), 0);
		assert_false(port_open[NIC_PORTS]);
	}
}

/* ---- the calls of other parts: noted, failing ---- */

static char calls[400];

static inline int note_call(const char *function)
{
	strcat(calls, function);
	strcat(calls, " ");
	return 0;
}

static unsigned int fail_at, asked, fail_times;

/* What fails has still hidden the device: vpci.h says that the guest finds nothing from then on. */
static inline int failed(const char *function, int error)
{
	if (!strcmp(function, "vpci_withdraw_start")) {
		(void)!vpci_withdraw_start(device(NIC));
		(void)!vpci_withdraw_start(device(PF));
	}
	return error;
}

static inline int fail_one(const char *function)
{
	asked++;
	if (asked < fail_at || asked >= fail_at + fail_times)
		return 0;
	strcat(calls, function);
	strcat(calls, " ");
	return failed(function, -EIO);
}

static inline void fail_from(unsigned int n, unsigned int times)
{
	fail_at = n;
	fail_times = times;
	asked = 0;
	calls[0] = '\0';
	manage_fault = fail_one;
}

static inline void no_op_is_left(void)
{
	struct manage_op *op[MANAGE_OPS];

	for (unsigned int i = 0; i < MANAGE_OPS; i++) {
		pci_dev_get(device(PORT), PCI_REF_WORK);
		op[i] = manage_op_new(device(PORT), PCI_OP_RESET);
		assert_non_null(op[i]);
	}
	for (unsigned int i = 0; i < MANAGE_OPS; i++)
		manage_op_free(op[i]);
}

static const char *failing;

static inline int fail_always(const char *function)
{
	return strcmp(function, failing) ? 0 : failed(function, -ETIMEDOUT);
}

#endif
