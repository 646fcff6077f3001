/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reset of a function: which way, and the steps of each. Each step is one call of the timer: it touches
 * a handful of registers, names the next step and sets the timer, so no CPU waits for a device.
 *
 *	save -> pending -> (power up) -> trigger -> ... -> settle -> restore
 *
 * Until the trigger, an all-ones vendor ID means that the device is gone; from then until it answers again
 * it means nothing (BUSY), and RESETTING keeps others from ending that early. Nothing is written to a
 * device that is GONE, save that a bus is never left in reset.
 */
#include "drivers/pci/reset.h"

#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/pci/group.h"
#include "drivers/pci/internal.h"
#include "drivers/pci/regs.h"

#define MS 1000u /* microseconds */

#define PENDING_US	(1000 * MS) /* how long transactions may be pending */
#define PENDING_LOOK_US (10 * MS)
#define POWER_US	(10 * MS)   /* into D3hot, and out of it ([PM] 5.4, table 5-6) */
#define BUS_ASSERT_US	(2 * MS)    /* Trst is 1 ms (PCI Local Bus 3.0, 4.3.2; [PCIe] 6.6.1) */
#define SETTLE_US	(100 * MS)  /* after a reset, before the first request ([PCIe] 6.6.1, 6.6.2) */
#define RETRY_US	(1000 * MS) /* and then, with configuration retries, this much at most ([PCIe] 6.6.1) */
#define RETRY_LOOK_US	(5 * MS)    /* the first pause; each is twice the one before */

enum step { STEP_SAVE, STEP_PENDING, STEP_TRIGGER, STEP_POWER_DOWN, STEP_BUS_ASSERTED, STEP_SETTLE, STEP_STOP };

const char *pci_reset_method_name(enum pci_reset_method method)
{
	switch (method) {
	case PCI_RESET_FLR: return "FLR";
	case PCI_RESET_AF_FLR: return "AF FLR";
	case PCI_RESET_PM: return "power state";
	case PCI_RESET_BUS: return "secondary bus";
	case PCI_RESET_NONE: break;
	}
	return "none";
}

/* ---- which way ---- */

static bool has_flr(struct pci_dev *dev)
{
	return dev->pcie_cap && (pci_dev_read(dev, dev->pcie_cap + PCIE_DEVICE_CAP, 4) & PCIE_DEVICE_CAP_FLR);
}

/*
 * An AF FLR counts only together with Transactions Pending (ECN Advanced Capabilities for Conventional PCI,
 * 6.x.2: both or none).
 */
static bool has_af_flr(struct pci_dev *dev, unsigned int *cap)
{
	const u32 both = PCI_AF_CAP_FLR | PCI_AF_CAP_PENDING;

	*cap = pci_find_cap(dev, PCI_CAP_ID_AF);
	return *cap && (pci_dev_read(dev, *cap + PCI_AF_CAP, 1) & both) == both;
}

static bool has_pm_reset(struct pci_dev *dev, unsigned int *cap)
{
	*cap = pci_find_cap(dev, PCI_CAP_ID_PM);
	return *cap && !(pci_dev_read(dev, *cap + PCI_PM_PMCSR, 2) & PCI_PMCSR_NO_SOFT_RESET);
}

static bool alone_on_its_bus(struct pci_dev *dev)
{
	bool alone = true;

	for (struct pci_dev *other = pci_dev_next(NULL); other; other = pci_dev_next(other)) {
		if (other != dev && other->sbdf.segment == dev->sbdf.segment &&
		    PCI_BUS(other->sbdf.bdf) == PCI_BUS(dev->sbdf.bdf))
			alone = false;
	}
	return alone;
}

/* The bus of a virtual function is its physical function's, too; of that one it may know by number only. */
static bool has_bus_reset(struct pci_dev *dev)
{
	return dev->parent && !dev->pf && alone_on_its_bus(dev);
}

static void say_what_is_missing(struct pci_dev *dev, struct pci_reason *why)
{
	const unsigned int bus = PCI_BUS(dev->sbdf.bdf);

	if (!why)
		return;
	if (dev->header_type != PCI_HEADER_ENDPOINT)
		fl_snprintf(why->text, sizeof(why->text), "it is a bridge: what is behind it would be reset with it");
	else if (dev->pf)
		fl_snprintf(why->text, sizeof(why->text), "a virtual function without FLR");
	else if (!alone_on_its_bus(dev))
		fl_snprintf(why->text, sizeof(why->text), "no FLR, no power state with reset, and it shares bus %02x", bus);
	else
		fl_snprintf(why->text, sizeof(why->text),
			    "no FLR, no power state with reset, and no bridge leads to bus %02x", bus);
}

static enum pci_reset_method choose(struct pci_dev *dev, unsigned int *cap)
{
	*cap = dev->pcie_cap;
	if (dev->header_type != PCI_HEADER_ENDPOINT)
		return PCI_RESET_NONE;
	if (has_flr(dev))
		return PCI_RESET_FLR;
	if (has_af_flr(dev, cap))
		return PCI_RESET_AF_FLR;
	if (has_pm_reset(dev, cap))
		return PCI_RESET_PM;
	return has_bus_reset(dev) ? PCI_RESET_BUS : PCI_RESET_NONE;
}

enum pci_reset_method pci_reset_method(struct pci_dev *dev, struct pci_reason *why)
{
	unsigned int cap;
	enum pci_reset_method method = choose(dev, &cap);

	if (method == PCI_RESET_NONE)
		say_what_is_missing(dev, why);
	return method;
}

/* ---- what is kept over a reset ---- */

static bool has_link_registers(const struct pci_dev *dev)
{
	return dev->pcie_type != PCIE_TYPE_RC_ENDPOINT && dev->pcie_type != PCIE_TYPE_RC_EVENTS;
}

/* The first version of the capability ends before the second set of registers ([PCIe] 7.5.3). */
static bool has_second_set(struct pci_dev *dev)
{
	return (pci_dev_read(dev, dev->pcie_cap + PCIE_CAPABILITIES, 2) & PCIE_CAPABILITIES_VERSION) >= 2;
}

static unsigned int rebar_count(struct pci_dev *dev, unsigned int cap)
{
	unsigned int n = cap ? PCIE_REBAR_CONTROL_COUNT(pci_dev_read(dev, cap + PCIE_REBAR_CONTROL(0), 4)) : 0;

	return n < PCI_RESET_REBARS ? n : PCI_RESET_REBARS;
}

static void save(struct pci_dev *dev, struct pci_saved *s)
{
	unsigned int rebar = pci_find_ext_cap(dev, PCIE_EXT_ID_REBAR);

	for (unsigned int i = 0; i < ARRAY_SIZE(s->header); i++)
		s->header[i] = pci_dev_read(dev, 4 * i, 4);
	if (dev->pcie_cap) {
		s->device_control = (u16)pci_dev_read(dev, dev->pcie_cap + PCIE_DEVICE_CONTROL, 2);
		if (has_link_registers(dev))
			s->link_control = (u16)pci_dev_read(dev, dev->pcie_cap + PCIE_LINK_CONTROL, 2);
		if (has_second_set(dev))
			s->device_control2 = (u16)pci_dev_read(dev, dev->pcie_cap + PCIE_DEVICE_CONTROL2, 2);
	}
	for (unsigned int i = 0; i < rebar_count(dev, rebar); i++)
		s->rebar[i] = pci_dev_read(dev, rebar + PCIE_REBAR_CONTROL(i), 4);
	pci_sriov_save(dev, &s->sriov);
}

static u32 saved_field(const struct pci_saved *s, unsigned int offset, unsigned int size)
{
	return s->header[offset / 4] >> (8 * (offset % 4)) & pci_all_ones(size);
}

/*
 * A BAR's own address is where firmware put it, whatever the register said last: the guest may have reset
 * the function before us. One that firmware left alone gets back what it had.
 */
static u32 bar_value(const struct pci_dev *dev, const struct pci_saved *s, unsigned int i)
{
	const u32 held = s->header[PCI_BAR0 / 4 + i];

	if (dev->bar[i].type == PCI_BAR_MEM64_HIGH && dev->bar[i - 1].base)
		return (u32)(dev->bar[i - 1].base >> 32);
	if (dev->bar[i].type == PCI_BAR_NONE || dev->bar[i].type == PCI_BAR_MEM64_HIGH || !dev->bar[i].base)
		return held;
	if (dev->bar[i].type == PCI_BAR_IO)
		return (u32)dev->bar[i].base | (held & ~PCI_BAR_IO_MASK);
	return (u32)dev->bar[i].base | (held & ~PCI_BAR_MEM_MASK);
}

/* A virtual function's BARs are the physical one's business and read as 0 here ([PCIe] 9.3.4.1.11). */
static void restore_bars(struct pci_dev *dev, const struct pci_saved *s)
{
	if (dev->pf)
		return;
	for (unsigned int i = 0; i < PCI_BARS_TYPE0; i++)
		pci_dev_write(dev, PCI_BAR0 + 4 * i, 4, bar_value(dev, s, i));
	/* The ROM does not decode for nobody. */
	pci_dev_write(dev, PCI_ROM_BAR_TYPE0, 4, s->header[PCI_ROM_BAR_TYPE0 / 4] & PCI_ROM_MASK);
}

static bool bars_read_back(struct pci_dev *dev, const struct pci_saved *s)
{
	for (unsigned int i = 0; i < PCI_BARS_TYPE0 && !dev->pf; i++) {
		if (pci_dev_read(dev, PCI_BAR0 + 4 * i, 4) != bar_value(dev, s, i))
			return false;
	}
	return true;
}

static void restore_express(struct pci_dev *dev, const struct pci_saved *s)
{
	if (!dev->pcie_cap)
		return;
	pci_dev_write(dev, dev->pcie_cap + PCIE_DEVICE_CONTROL, 2, s->device_control & PCIE_DEVICE_CONTROL_KEPT);
	if (has_link_registers(dev))
		pci_dev_write(dev, dev->pcie_cap + PCIE_LINK_CONTROL, 2, s->link_control & PCIE_LINK_CONTROL_ENDPOINT);
	if (has_second_set(dev))
		pci_dev_write(dev, dev->pcie_cap + PCIE_DEVICE_CONTROL2, 2, s->device_control2);
}

static void clear_bits(struct pci_dev *dev, unsigned int offset, u32 bits)
{
	u32 value = pci_dev_read(dev, offset, 2);

	if (value & bits)
		pci_dev_write(dev, offset, 2, value & ~bits);
}

/*
 * What sends on its own. A reset ends it; a reset that forgets some of it must not leave it to the next
 * owner.
 */
static void switch_off(struct pci_dev *dev)
{
	static const struct {
		u16 id, control, enable;
	} ext[] = {
		{ PCIE_EXT_ID_ATS, PCIE_ATS_CONTROL, PCIE_ATS_ENABLE },
		{ PCIE_EXT_ID_PRI, PCIE_PRI_CONTROL, PCIE_PRI_ENABLE },
		{ PCIE_EXT_ID_PASID, PCIE_PASID_CONTROL, PCIE_PASID_ENABLE },
	};
	unsigned int cap = pci_find_cap(dev, PCI_CAP_ID_MSI);

	if (cap)
		clear_bits(dev, cap + PCI_MSI_CONTROL, PCI_MSI_ENABLE);
	cap = pci_find_cap(dev, PCI_CAP_ID_MSIX);
	if (cap)
		clear_bits(dev, cap + PCI_MSIX_CONTROL, PCI_MSIX_ENABLE);
	for (unsigned int i = 0; i < ARRAY_SIZE(ext); i++) {
		cap = pci_find_ext_cap(dev, ext[i].id);
		if (cap)
			clear_bits(dev, cap + ext[i].control, ext[i].enable);
	}
}

/*
 * Nothing is decoded until the addresses are right; Status and BIST, which writes do things to, are never
 * written.
 */
static void restore(struct pci_dev *dev, const struct pci_saved *s)
{
	const u32 command = saved_field(s, PCI_COMMAND, 2) & ~PCI_COMMAND_BUS_MASTER;
	unsigned int rebar = pci_find_ext_cap(dev, PCIE_EXT_ID_REBAR);

	pci_dev_write(dev, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	switch_off(dev);
	restore_express(dev, s);
	pci_acs_enable(dev);
	for (unsigned int i = 0; i < rebar_count(dev, rebar); i++)
		pci_dev_write(dev, rebar + PCIE_REBAR_CONTROL(i), 4, s->rebar[i]);
	restore_bars(dev, s);
	pci_sriov_restore(dev, &s->sriov);
	pci_dev_write(dev, PCI_CACHE_LINE_SIZE, 1, saved_field(s, PCI_CACHE_LINE_SIZE, 1));
	pci_dev_write(dev, PCI_LATENCY_TIMER, 1, saved_field(s, PCI_LATENCY_TIMER, 1));
	pci_dev_write(dev, PCI_INTERRUPT_LINE, 1, saved_field(s, PCI_INTERRUPT_LINE, 1));
	pci_dev_write(dev, PCI_COMMAND, 2, command);
}

/* ---- the steps ---- */

#define FLAGS_IN_RESET ((u32)(PCI_FLAG_BUSY | PCI_FLAG_RESETTING))

static void next(struct pci_reset *r, enum step step, u64 delay_us)
{
	r->step = step;
	timer_set(&r->timer, delay_us);
}

static void finish(struct pci_reset *r, int result)
{
	struct pci_dev *dev = r->dev;

	atomic_fetch_and(&dev->flags, ~FLAGS_IN_RESET);
	if (result && result != -ENODEV) {
		atomic_fetch_or(&dev->flags, PCI_FLAG_BROKEN);
		log_error("pci: " SBDF_FMT ": reset by %s failed: %s; it is not given to anybody any more",
			  SBDF_ARGS(dev->sbdf), pci_reset_method_name(r->method),
			  result == -ETIMEDOUT ? "it did not come back" : "its BARs do not hold their addresses");
	}
	r->done(r, result);
}

/* One that can still be asked: outside the reset itself all-ones mean that it is gone. */
static bool is_there(struct pci_dev *dev)
{
	return (pci_dev_read(dev, PCI_VENDOR_ID, 2) & 0xffffu) != PCI_VENDOR_NONE && !pci_dev_has(dev, PCI_FLAG_GONE);
}

static bool transactions_pending(struct pci_reset *r)
{
	struct pci_dev *dev = r->dev;

	if (r->method == PCI_RESET_AF_FLR)
		return pci_dev_read(dev, r->cap + PCI_AF_STATUS, 1) & PCI_AF_STATUS_PENDING;
	if (!dev->pcie_cap)
		return false;
	return pci_dev_read(dev, dev->pcie_cap + PCIE_DEVICE_STATUS, 2) & PCIE_DEVICE_STATUS_PENDING;
}

static bool in_d0(struct pci_reset *r)
{
	return !r->pm_cap || (pci_dev_read(r->dev, r->pm_cap + PCI_PM_PMCSR, 2) & PCI_PMCSR_STATE) == PCI_PMCSR_D0;
}

/* PME Status is cleared by writing 1, which is not ours to do; nothing is to wake the machine. */
static void set_power(struct pci_reset *r, u32 state)
{
	const unsigned int pmcsr = r->pm_cap + PCI_PM_PMCSR;
	const u32 value = pci_dev_read(r->dev, pmcsr, 2);

	pci_dev_write(r->dev, pmcsr, 2, (value & ~(PCI_PMCSR_STATE | PCI_PMCSR_PME_STATUS | PCI_PMCSR_PME_ENABLE)) | state);
}

static void set_bus_reset(struct pci_dev *bridge, bool on)
{
	const u32 control = pci_dev_read(bridge, PCI_BRIDGE_CONTROL, 2);

	pci_dev_write(bridge, PCI_BRIDGE_CONTROL, 2,
		      on ? control | PCI_BRIDGE_CONTROL_RESET : control & ~PCI_BRIDGE_CONTROL_RESET);
	(void)pci_dev_read(bridge, PCI_BRIDGE_CONTROL, 2); /* it has arrived */
}

static void step_save(struct pci_reset *r)
{
	save(r->dev, &r->saved);
	pci_dev_stop_dma(r->dev); /* nothing new is sent from here on */
	r->deadline_us = arch_time_us() + PENDING_US;
	next(r, STEP_PENDING, 0);
}

static void step_pending(struct pci_reset *r)
{
	if (transactions_pending(r)) {
		if (arch_time_us() < r->deadline_us) {
			next(r, STEP_PENDING, PENDING_LOOK_US);
			return;
		}
		log_warn("pci: " SBDF_FMT ": transactions are pending for 1 s: reset all the same", SBDF_ARGS(r->dev->sbdf));
	}
	if (r->method == PCI_RESET_PM || in_d0(r)) {
		next(r, STEP_TRIGGER, 0);
		return;
	}
	set_power(r, PCI_PMCSR_D0);
	next(r, STEP_TRIGGER, POWER_US);
}

static void settle(struct pci_reset *r, u64 delay_us)
{
	r->deadline_us = arch_time_us() + delay_us + RETRY_US;
	r->wait_us = RETRY_LOOK_US;
	next(r, STEP_SETTLE, delay_us);
}

static void step_trigger(struct pci_reset *r)
{
	struct pci_dev *dev = r->dev;

	atomic_fetch_or(&dev->flags, FLAGS_IN_RESET);
	switch (r->method) {
	case PCI_RESET_FLR:
		pci_dev_write(dev, r->cap + PCIE_DEVICE_CONTROL, 2,
			      (r->saved.device_control & PCIE_DEVICE_CONTROL_KEPT) | PCIE_DEVICE_CONTROL_FLR);
		settle(r, SETTLE_US);
		break;
	case PCI_RESET_AF_FLR:
		pci_dev_write(dev, r->cap + PCI_AF_CONTROL, 1, PCI_AF_FLR);
		settle(r, SETTLE_US);
		break;
	case PCI_RESET_PM:
		set_power(r, PCI_PMCSR_D3HOT);
		next(r, STEP_POWER_DOWN, POWER_US);
		break;
	case PCI_RESET_BUS:
		set_bus_reset(dev->parent, true);
		next(r, STEP_BUS_ASSERTED, BUS_ASSERT_US);
		break;
	case PCI_RESET_NONE:
		break;
	}
}

static void step_settle(struct pci_reset *r)
{
	struct pci_dev *dev = r->dev;
	const u32 ids = pci_dev_read(dev, PCI_VENDOR_ID, 4);

	if ((u16)ids != dev->vendor || ids >> 16 != dev->device) { /* all-ones, a retry, or nonsense */
		if (arch_time_us() >= r->deadline_us) {
			finish(r, -ETIMEDOUT);
			return;
		}
		next(r, STEP_SETTLE, r->wait_us);
		r->wait_us *= 2;
		return;
	}
	restore(dev, &r->saved);
	atomic_fetch_and(&dev->flags, ~FLAGS_IN_RESET);
	if (!is_there(dev))
		finish(r, -ENODEV);
	else
		finish(r, bars_read_back(dev, &r->saved) ? 0 : -EIO);
}

/* reset=none: nothing of the old owner's is undone, but nothing of it goes on. */
static void step_stop(struct pci_reset *r)
{
	const u32 command = pci_dev_read(r->dev, PCI_COMMAND, 2);

	pci_dev_write(r->dev, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER));
	finish(r, is_there(r->dev) ? 0 : -ENODEV);
}

static void step(struct timer *t)
{
	struct pci_reset *r = container_of(t, struct pci_reset, timer);
	struct pci_dev *dev = r->dev;

	if (r->step == STEP_BUS_ASSERTED) /* whatever became of the device */
		set_bus_reset(dev->parent, false);
	if (pci_dev_has(dev, PCI_FLAG_GONE) || (!pci_dev_has(dev, PCI_FLAG_RESETTING) && !is_there(dev))) {
		finish(r, -ENODEV);
		return;
	}
	switch ((enum step)r->step) {
	case STEP_SAVE: step_save(r); break;
	case STEP_PENDING: step_pending(r); break;
	case STEP_TRIGGER: step_trigger(r); break;
	case STEP_POWER_DOWN:
		set_power(r, PCI_PMCSR_D0);
		settle(r, POWER_US);
		break;
	case STEP_BUS_ASSERTED: settle(r, SETTLE_US); break;
	case STEP_SETTLE: step_settle(r); break;
	case STEP_STOP: step_stop(r); break;
	}
}

static bool has_vfs(struct pci_dev *dev)
{
	bool any;

	if (dev->pf)
		return false;
	pci_dev_lock(dev);
	any = dev->vf_count != 0;
	pci_dev_unlock(dev);
	return any;
}

int pci_reset_start(struct pci_reset *r)
{
	struct pci_dev *dev = r->dev;
	unsigned int cap;

	if (!is_there(dev))
		return -ENODEV;
	if (has_vfs(dev))
		return -EBUSY;
	r->method = choose(dev, &cap);
	if (r->method == PCI_RESET_NONE && !pci_dev_has(dev, PCI_FLAG_RESET_NONE))
		return -EOPNOTSUPP;
	r->cap = (u16)cap;
	r->pm_cap = (u16)pci_find_cap(dev, PCI_CAP_ID_PM);
	r->saved = (struct pci_saved){ .device_control = 0 };
	timer_init(&r->timer, step);
	next(r, r->method == PCI_RESET_NONE ? STEP_STOP : STEP_SAVE, 0);
	return 0;
}
