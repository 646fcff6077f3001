/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the oracle share. Each check returns true if it has nothing to say; the first that has
 * something writes one line and ends the round.
 */
#ifndef CORE_MANAGE_ORACLE_H
#define CORE_MANAGE_ORACLE_H

#include "core/manage/manage.h"

struct oracle {
	struct vm *vm;
	char *text;		       /* ORACLE_TEXT_MAX */
	unsigned int live[PCI_OWNERS]; /* LIVE objects found in the table, by owner */
	unsigned int not_live;	       /* others */
	unsigned int moving;	       /* LIVE ones that somebody has claimed, or that are BROKEN */
	unsigned int attachments;      /* that there should be */
	unsigned int places;	       /* BARs that stand somewhere */
};

/* False, always: the breach. */
bool oracle_breach(struct oracle *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Are there `expected` references of that kind? `what`: what each stands for. Release builds do not count them.
 */
bool oracle_kind_is(struct oracle *o, const struct pci_dev *dev, enum pci_ref_kind kind, u32 expected,
		    const char *what);

/* At rest: LIVE, whole, and nobody has claimed it. */
static inline bool oracle_at_rest(const struct pci_dev *dev)
{
	return pci_dev_op(dev) == PCI_OP_NONE && !pci_dev_has(dev, PCI_FLAG_BROKEN) &&
	       !pci_dev_has(dev, PCI_FLAG_GONE);
}

/* ---- oracle_maps.c ---- */
bool oracle_device_maps(struct oracle *o, struct pci_dev *dev);
bool oracle_tables(struct oracle *o);

/* ---- oracle_messages.c ---- */
bool oracle_device_messages(struct oracle *o, struct pci_dev *dev);
bool oracle_entries(struct oracle *o);

#endif
