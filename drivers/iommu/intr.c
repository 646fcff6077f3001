/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping above the backends: whether it is used, and the message operations that vPCI calls.
 */
#include "drivers/iommu/intr.h"

#include "core/counters.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/trace.h"

static enum intr_policy asked; /* both set at boot */
static bool remapped;
static unsigned int platform_entries; /* written at boot */

/* ---- policy ---- */

int intr_decide(enum intr_policy policy)
{
	asked = policy;
	remapped = false;
	platform_entries = 0;
	if (policy == INTR_OFF || !iommu_first())
		return 0;
	for (struct iommu *u = iommu_first(); u; u = u->next) {
		const char *why = u->ops->cannot_remap ? u->ops->cannot_remap(u) : "Fairlead does not drive it";

		if (!why)
			continue;
		if (policy == INTR_REQUIRED) {
			log_error("intremap: intremap=required but %s unit %u does not remap interrupts: %s; switch "
				  "interrupt remapping on in the firmware setup, or set intremap=off to run with "
				  "interrupts unprotected",
				  u->ops->name, u->index, why);
			return -EOPNOTSUPP;
		}
		log_warn("intremap: %s unit %u does not remap interrupts: %s", u->ops->name, u->index, why);
		return 0;
	}
	remapped = true;
	return 0;
}

bool intr_remapped(void)
{
	return remapped;
}

/* ---- entries of what is no PCI device ---- */

int intr_platform_alloc(enum intr_platform_source kind, u8 id, unsigned int count, struct iommu **unit, u32 *first)
{
	struct intr_source source;
	int ret;

	for (struct iommu *u = iommu_first(); remapped && u; u = u->next) {
		if (u->ops->intr_platform(u, kind, id, &source)) {
			*unit = u;
			ret = u->ops->intr_alloc(u, &source, count, first);
			platform_entries += ret ? 0 : count;
			return ret;
		}
	}
	return -ENODEV;
}

void intr_set(struct iommu *unit, u32 entry, const struct apic_target *target)
{
	count_event(COUNT_INTERRUPT_ENTRY);
	trace(TRACE_INTR_SET, (u16)unit->index, entry, 0, target ? target->vector : 0);
	unit->ops->intr_set(unit, entry, target);
}

int intr_flush(struct iommu *unit, u32 first, unsigned int count)
{
	u64 began = trace_begin(TRACE_CLASS_IOMMU);
	int ret = unit->ops->intr_flush(unit, first, count);

	count_event(COUNT_IOMMU_FLUSH);
	trace_since(TRACE_INTR_FLUSH, began, (u16)unit->index, first, count);
	return ret;
}

struct pci_message intr_message(struct iommu *unit, u32 entry)
{
	return unit->ops->intr_message(unit, entry, false);
}

bool intr_lookup(struct iommu *unit, u32 entry, struct intr_entry *out)
{
	return unit->ops->intr_lookup && unit->ops->intr_lookup(unit, entry, out);
}

void intr_usage(struct iommu *unit, unsigned int *used, unsigned int *entries)
{
	*used = *entries = 0;
	if (unit->ops->intr_usage)
		unit->ops->intr_usage(unit, used, entries);
}

/* ---- messages of devices, remapped ---- */

static int remapped_alloc(struct pci_dev *dev, unsigned int count, u32 *first)
{
	struct iommu *unit = iommu_of(dev);
	struct intr_source source;
	int ret;

	if (!unit)
		return -ENODEV;
	ret = intr_source_of(dev, &source);
	return ret ? ret : unit->ops->intr_alloc(unit, &source, count, first);
}

static bool remapped_set(struct pci_dev *dev, u32 entry, const struct pci_message *guest)
{
	struct iommu *unit = iommu_of(dev);
	struct apic_target target;
	const bool delivers = guest && apic_message_parse(guest, &target);

	if (!unit)
		return !guest;
	intr_set(unit, entry, delivers ? &target : NULL);
	return delivers || !guest;
}

static struct pci_message remapped_program(struct pci_dev *dev, u32 entry, bool multiple,
					   const struct pci_message *guest UNUSED)
{
	struct iommu *unit = iommu_of(dev);

	return unit ? unit->ops->intr_message(unit, entry, multiple) : (struct pci_message){ 0 };
}

static int remapped_flush(struct pci_dev *dev, u32 first, unsigned int count)
{
	struct iommu *unit = iommu_of(dev);
	int ret = 0;

	if (count)
		return unit ? intr_flush(unit, first, count) : 0;
	for (struct iommu *u = iommu_first(); u; u = u->next) {
		const int err = intr_flush(u, 0, 0);

		ret = ret ? ret : err;
	}
	return ret;
}

static void remapped_free(struct pci_dev *dev, u32 first, unsigned int count)
{
	struct iommu *unit = iommu_of(dev);

	if (unit)
		unit->ops->intr_free(unit, first, count);
}

static bool same_source(const struct intr_source *a, const struct intr_source *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == INTR_SOURCE_BUSES)
		return a->first_bus == b->first_bus && a->last_bus == b->last_bus;
	return a->id == b->id && a->ignored == b->ignored;
}

static bool remapped_agrees(struct pci_dev *dev, u32 entry, const struct pci_message *guest)
{
	struct iommu *unit = iommu_of(dev);
	struct apic_target target;
	struct intr_source source;
	struct intr_entry e;

	if (!unit || !intr_lookup(unit, entry, &e))
		return false;
	if (!guest || !apic_message_parse(guest, &target))
		return !e.present;
	return e.present && !intr_source_of(dev, &source) && same_source(&e.source, &source) &&
	       apic_target_same(&e.target, &target);
}

static bool remapped_usage(struct pci_msi_usage *out)
{
	*out = (struct pci_msi_usage){ .others = platform_entries };
	for (struct iommu *u = iommu_first(); u; u = u->next) {
		unsigned int used, entries;

		intr_usage(u, &used, &entries);
		out->used += used;
		out->entries += entries;
	}
	return true;
}

static const struct pci_msi_ops remapped_ops = {
	.alloc = remapped_alloc,
	.set = remapped_set,
	.program = remapped_program,
	.flush = remapped_flush,
	.free = remapped_free,
	.agrees = remapped_agrees,
	.usage = remapped_usage,
};

/* ---- messages of devices where nothing is remapped: they have no entries, and are only checked ---- */

static int plain_alloc(struct pci_dev *dev UNUSED, unsigned int count UNUSED, u32 *first)
{
	*first = 0;
	return 0;
}

static bool plain_set(struct pci_dev *dev UNUSED, u32 entry UNUSED, const struct pci_message *guest)
{
	struct apic_target target;

	return !guest || apic_message_parse(guest, &target);
}

static struct pci_message plain_program(struct pci_dev *dev UNUSED, u32 entry UNUSED, bool multiple UNUSED,
					const struct pci_message *guest)
{
	return *guest;
}

static int plain_flush(struct pci_dev *dev UNUSED, u32 first UNUSED, unsigned int count UNUSED)
{
	return 0;
}

static void plain_free(struct pci_dev *dev UNUSED, u32 first UNUSED, unsigned int count UNUSED)
{
}

static bool plain_agrees(struct pci_dev *dev UNUSED, u32 entry UNUSED, const struct pci_message *guest UNUSED)
{
	return true;
}

static bool plain_usage(struct pci_msi_usage *out UNUSED)
{
	return false;
}

static const struct pci_msi_ops plain_ops = {
	.alloc = plain_alloc,
	.set = plain_set,
	.program = plain_program,
	.flush = plain_flush,
	.free = plain_free,
	.agrees = plain_agrees,
	.usage = plain_usage,
};

void intr_start(void)
{
	static const char *const names[] = {
		[INTR_REQUIRED] = "required", [INTR_OPTIONAL] = "optional", [INTR_OFF] = "off"
	};

	pci_msi_set_ops(remapped ? &remapped_ops : &plain_ops);
	if (remapped)
		log_info("intremap: interrupts are remapped");
	else
		log_warn("UNPROTECTED: interrupts are not remapped, a device can send any (intremap=%s%s)", names[asked],
			 iommu_first() ? "" : ", and no IOMMU is used");
}
