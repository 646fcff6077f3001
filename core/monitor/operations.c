/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's commands that change something. Each only starts the operation; what runs on is said to be
 * pending, and the completion event tells what became of it.
 */
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/manage/manage.h"
#include "core/monitor/internal.h"
#include "core/string.h"
#include "drivers/pci/sriov.h"

static const char *error_text(int error)
{
	switch (error) {
	case -EPERM: return "not allowed";
	case -EIO: return "the hardware reported an error";
	case -ENOMEM: return "no memory of the kind is left";
	case -EBUSY: return "it is in use";
	case -ENODEV: return "there is no such device";
	case -EINVAL: return "not possible with that number";
	case -ENOSPC: return "no room is left";
	case -EOPNOTSUPP: return "the device cannot do that";
	case -ETIMEDOUT: return "no answer in time";
	case -EALREADY: return "so it is already, or an earlier request is not through";
	default: return "failed";
	}
}

static enum monitor_step say_result(int result, const struct pci_reason *why)
{
	if (!result)
		return MONITOR_DONE;
	if (result == -EINPROGRESS) {
		log_print("pending");
		return MONITOR_SAID;
	}
	if (why->text[0])
		return monitor_refuse("%s", why->text);
	return monitor_refuse("%s (error %d)", error_text(result), result);
}

typedef int (*operation_fn)(struct sbdf sbdf, u32 *ticket, struct pci_reason *why);

static enum monitor_step operate(const struct monitor_run *run, operation_fn operation)
{
	struct pci_reason why = { "" };
	struct sbdf sbdf;
	u32 ticket;

	if (!monitor_sbdf_or_refuse(run->word[1], &sbdf))
		return MONITOR_SAID;
	return say_result(operation(sbdf, &ticket, &why), &why);
}

enum monitor_step monitor_remove(struct monitor_run *run)
{
	return operate(run, pci_dev_remove);
}

enum monitor_step monitor_assign(struct monitor_run *run)
{
	return operate(run, manage_assign);
}

enum monitor_step monitor_deassign(struct monitor_run *run)
{
	return operate(run, manage_deassign);
}

enum monitor_step monitor_reset(struct monitor_run *run)
{
	if (!strcmp(run->word[1], "machine"))
		machine_reset("monitor");
	return operate(run, manage_reset);
}

enum monitor_step monitor_rescan(struct monitor_run *run UNUSED)
{
	const struct pci_reason none = { "" };
	int found = pci_rescan();

	if (found < 0)
		return say_result(found, &none);
	log_print("devices added: %d", found);
	return MONITOR_DONE;
}

bool monitor_count(const char *word, unsigned int *out)
{
	unsigned int value = 0;

	if (!*word || strlen(word) > 5)
		return false;
	for (; *word; word++) {
		if (*word < '0' || *word > '9')
			return false;
		value = 10 * value + (unsigned int)(*word - '0');
	}
	*out = value;
	return true;
}

enum monitor_step monitor_vfs(struct monitor_run *run)
{
	struct pci_reason why = { "" };
	struct pci_dev *pf;
	struct sbdf sbdf;
	unsigned int count;
	u32 ticket;
	int ret;

	if (!monitor_sbdf_or_refuse(run->word[1], &sbdf))
		return MONITOR_SAID;
	if (!monitor_count(run->word[2], &count))
		return monitor_refuse("\"%s\" is no number of virtual functions", run->word[2]);
	pf = pci_dev_find(sbdf);
	if (!pf)
		return say_result(-ENODEV, &why);
	ret = count ? pci_vfs_enable(pf, count, &ticket, &why) : pci_vfs_disable(pf, &ticket, &why);
	pci_dev_put(pf, PCI_REF_TRANSIENT);
	return say_result(ret, &why);
}

void monitor_event(const struct pci_event *event, void *ctx UNUSED)
{
	if (event->result)
		log_print("%s " SBDF_FMT ": failed: %s (error %d)", pci_op_name(event->op),
			  SBDF_ARGS(event->sbdf), error_text(event->result), event->result);
	else
		log_print("%s " SBDF_FMT ": done", pci_op_name(event->op), SBDF_ARGS(event->sbdf));
}
