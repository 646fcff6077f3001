/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `pci`: what there is, whose it is and who holds it. Read from copies (pci_dev_info_next()), so that a
 * device in any state is shown, also one that is being removed and that a lookup would not find.
 */
#include "core/log.h"
#include "core/monitor/internal.h"
#include "core/string.h"
#include "drivers/pci/reset.h"
#include "drivers/vpci/vpci.h"

#define LINE_WIDTH 110

/* A line that grows item by item. */
struct text {
	char buf[LOG_LINE_MAX - 16];
	size_t len;
};

static void add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = fl_vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = min_u64(t->len + (size_t)n, sizeof(t->buf) - 1);
}

static void flush(struct text *t)
{
	if (t->len)
		log_print("%s", t->buf);
	t->len = 0;
}

/* The next item begins: on this line, or on one of its own that begins with `title`. */
static void next_item(struct text *t, const char *title)
{
	if (t->len > LINE_WIDTH - 40)
		flush(t);
	add(t, "%s", t->len ? ", " : title);
}

static const char *state_name(enum pci_state state)
{
	static const char *const name[] = { "new", "live", "dying", "releasing" };

	return (unsigned int)state < ARRAY_SIZE(name) ? name[state] : "?";
}

static void add_flags(struct text *t, u32 flags)
{
	static const struct {
		enum pci_flag flag;
		const char *name;
	} names[] = {
		{ PCI_FLAG_GONE, "gone" },
		{ PCI_FLAG_BROKEN, "broken" },
		{ PCI_FLAG_BUSY, "busy" },
		{ PCI_FLAG_HIDDEN, "hidden" },
		{ PCI_FLAG_QUARANTINED, "DMA blocked" },
		{ PCI_FLAG_RESET_NONE, "reset=none" },
		{ PCI_FLAG_GROUP_MIXED, "group=mixed" },
		{ PCI_FLAG_KEPT, "not released" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (flags & (u32)names[i].flag)
			add(t, ", %s", names[i].name);
	}
}

static void add_references(struct text *t, const struct pci_dev_info *info)
{
	const char *before = ": ";

	add(t, ", %u reference%s", info->refs, info->refs == 1 ? "" : "s");
	for (unsigned int kind = 0; kind < PCI_REF_KINDS; kind++) {
		if (!info->refs_by_kind[kind])
			continue;
		add(t, "%s%s %u", before, pci_ref_kind_name(kind), info->refs_by_kind[kind]);
		before = ", ";
	}
}

static void show_summary(const struct pci_dev_info *info)
{
	struct text t = { "", 0 };

	add(&t, SBDF_FMT " %04x:%04x %s, %s", SBDF_ARGS(info->sbdf), info->vendor, info->device,
	    state_name(info->state), pci_owner_name(info->owner));
	add_flags(&t, info->flags);
	if (info->op != PCI_OP_NONE)
		add(&t, ", in %s", pci_op_name(info->op));
	add_references(&t, info);
	flush(&t);
}

static void show_bars(const struct pci_dev *dev)
{
	struct text t = { "", 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(dev->bar); i++) {
		const struct pci_bar *bar = &dev->bar[i];

		if (!bar->size)
			continue;
		next_item(&t, "  BARs: ");
		if (i == PCI_ROM_BAR)
			add(&t, "ROM");
		else
			add(&t, "%u %s%s", i, bar->type == PCI_BAR_IO ? "ports" : "memory",
			    bar->prefetchable ? " prefetchable" : "");
		add(&t, " 0x%llx + 0x%llx", (unsigned long long)bar->base, (unsigned long long)bar->size);
	}
	flush(&t);
}

static void show_place(struct pci_dev *dev, const struct pci_dev_info *info)
{
	struct text t = { "", 0 };
	struct pci_reason why = { "" };
	enum pci_reset_method method = pci_reset_method(dev, &why);

	add(&t, "  class %06x, group %02x:%02x.%x, slot emptied %llu times, reset: %s", info->class_code,
	    PCI_BUS(dev->group), PCI_DEV(dev->group), PCI_FN(dev->group),
	    (unsigned long long)info->generation, pci_reset_method_name(method));
	if (method == PCI_RESET_NONE && why.text[0])
		add(&t, " (%s)", why.text);
	flush(&t);
	for (unsigned int i = 0; i < dev->requester_ids && i < PCI_REQUESTER_IDS; i++) {
		next_item(&t, "  requester IDs: ");
		add(&t, "%02x:%02x.%x", PCI_BUS(dev->requester_id[i]), PCI_DEV(dev->requester_id[i]),
		    PCI_FN(dev->requester_id[i]));
	}
	if (dev->pf)
		add(&t, "; virtual function of " SBDF_FMT, SBDF_ARGS(dev->pf->sbdf));
	flush(&t);
}

/* The same place may hold many: MSI-X vectors. */
static void show_holders(const struct pci_dev_info *info)
{
	struct text t = { "", 0 };

	for (unsigned int i = 0, same; i < PCI_SITES; i += same) {
		for (same = 1; i + same < PCI_SITES && info->holder[i] && info->holder[i + same] == info->holder[i] &&
			       info->holder_kind[i + same] == info->holder_kind[i];
		     same++)
			;
		if (!info->holder[i])
			continue;
		next_item(&t, "  held by: ");
		add(&t, "%s %s", pci_ref_kind_name(info->holder_kind[i]), info->holder[i]);
		if (same > 1)
			add(&t, " (%u times)", same);
	}
	flush(&t);
}

/* What the guest has made of MSI or MSI-X. */
static void show_messages(struct pci_dev *dev, bool msix)
{
	struct text t = { "", 0 };
	struct vpci_messages_info all;

	if (!vpci_messages_info(dev, msix, &all))
		return;
	add(&t, "  %s: %u message%s, %s", msix ? "MSI-X" : "MSI", all.possible, all.possible == 1 ? "" : "s",
	    all.enabled ? "enabled" : "off");
	if (all.count)
		add(&t, ", %u in use (%u masked), entries from %u on", all.count, all.masked, all.first);
	if (all.function_masked)
		add(&t, ", all masked");
	if (all.enabled && !all.hardware_enabled)
		add(&t, ", not in the device");
	flush(&t);
}

/*
 * About a step's worth of lines: 1, 7 BARs, 1, 2 kinds of messages, 16 requester IDs and 16 holders, each of these
 * two or more on a line.
 */
static void show_details(const struct pci_dev_info *info)
{
	struct pci_dev *dev = pci_dev_find(info->sbdf);

	show_summary(info);
	if (dev) {
		show_bars(dev);
		show_place(dev, info);
		show_messages(dev, false);
		show_messages(dev, true);
		pci_dev_put(dev, PCI_REF_TRANSIENT);
	}
	show_holders(info);
}

struct wanted {
	bool verbose, one;
	struct sbdf sbdf;
};

/* False: it has refused. */
static bool parse(const struct monitor_run *run, struct wanted *out)
{
	*out = (struct wanted){ false, false, { 0, 0 } };
	for (unsigned int i = 1; i < run->words; i++) {
		if (!strcmp(run->word[i], "-v")) {
			out->verbose = true;
			continue;
		}
		if (!monitor_sbdf_or_refuse(run->word[i], &out->sbdf))
			return false;
		out->one = true;
	}
	return true;
}

static enum monitor_step show_one(const struct wanted *wanted)
{
	u32 at = (u32)wanted->sbdf.segment << 16 | wanted->sbdf.bdf;
	struct pci_dev_info info;

	if (!pci_dev_info_next(&at, &info) || info.sbdf.segment != wanted->sbdf.segment ||
	    info.sbdf.bdf != wanted->sbdf.bdf)
		return monitor_refuse("there is nothing at " SBDF_FMT, SBDF_ARGS(wanted->sbdf));
	if (wanted->verbose)
		show_details(&info);
	else
		show_summary(&info);
	return MONITOR_DONE;
}

enum monitor_step monitor_show_devices(struct monitor_run *run)
{
	struct pci_dev_info info;
	struct wanted wanted;

	if (!parse(run, &wanted))
		return MONITOR_SAID;
	if (wanted.one)
		return show_one(&wanted);
	for (unsigned int i = 0; i < (wanted.verbose ? 1 : MONITOR_STEP_LINES); i++) {
		u32 before = run->cursor;

		if (!pci_dev_info_next(&run->cursor, &info))
			return MONITOR_DONE;
		if (wanted.verbose)
			show_details(&info);
		else
			show_summary(&info);
		if (run->cursor <= before) /* the last address of all */
			return MONITOR_DONE;
	}
	return MONITOR_MORE;
}
