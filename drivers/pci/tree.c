/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI tree in words: one line a function, for the boot log and --probe.
 */
#include "core/log.h"
#include "drivers/pci/pci.h"
#include "drivers/pci/regs.h"

struct line {
	char text[LOG_LINE_MAX];
	size_t length;
};

static void add(struct line *line, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void add(struct line *line, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = fl_vsnprintf(line->text + line->length, sizeof(line->text) - line->length, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	line->length += (size_t)n;
	if (line->length >= sizeof(line->text)) /* cut; what follows is not added */
		line->length = sizeof(line->text) - 1;
}

static const char *bar_name(const struct pci_bar *bar)
{
	switch (bar->type) {
	case PCI_BAR_IO:
		return "io";
	case PCI_BAR_MEM32:
		return bar->prefetchable ? "mem32 pref" : "mem32";
	case PCI_BAR_MEM64:
		return bar->prefetchable ? "mem64 pref" : "mem64";
	case PCI_BAR_NONE:
	case PCI_BAR_MEM64_HIGH:
		break;
	}
	return "none";
}

static void add_bar(struct line *line, const struct pci_dev *dev, unsigned int i)
{
	const struct pci_bar *bar = &dev->bar[i];

	if (bar->type == PCI_BAR_NONE || bar->type == PCI_BAR_MEM64_HIGH)
		return;
	if (i == PCI_ROM_BAR)
		add(line, "; rom");
	else
		add(line, "; bar%u %s", i, bar_name(bar));
	if (bar->base)
		add(line, " 0x%llx+0x%llx", (unsigned long long)bar->base, (unsigned long long)bar->size);
	else
		add(line, " unassigned, 0x%llx bytes", (unsigned long long)bar->size);
}

static void log_device(const struct pci_dev *dev)
{
	struct line line = { .length = 0 };

	line.text[0] = '\0';
	add(&line, "pci: " SBDF_FMT " %04x:%04x class %06x rev %02x", SBDF_ARGS(dev->sbdf), dev->vendor,
	    dev->device, (unsigned int)dev->class_code, dev->revision);
	if (dev->header_type == PCI_HEADER_BRIDGE)
		add(&line, "; bridge to buses %02x-%02x", dev->secondary_bus, dev->subordinate_bus);
	if (dev->is_pcie)
		add(&line, "; pcie");
	if (atomic_load_explicit(&dev->flags, memory_order_relaxed) & PCI_FLAG_HIDDEN)
		add(&line, "; hidden");
	for (unsigned int i = 0; i <= PCI_ROM_BAR; i++)
		add_bar(&line, dev, i);
	log_info("%s", line.text);
}

void pci_log_tree(void)
{
	for (struct pci_dev *dev = pci_dev_next(NULL); dev; dev = pci_dev_next(dev))
		log_device(dev);
}
