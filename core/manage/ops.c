/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of management operations, and what all of them have in common: find the device, claim it, ask
 * whether it may be, go from step to step, give the claim back. It guards that an operation that has begun
 * ends, with exactly one event, and that one that is refused leaves no trace.
 */
#include "core/errno.h"
#include "core/log.h"
#include "core/manage/internal.h"

static struct manage_op ops[MANAGE_OPS];
static struct vm *the_vm; /* written at boot */

#ifdef FL_HOST
int (*manage_fault)(const char *function);
#endif

struct vm *manage_vm(void)
{
	return the_vm;
}

/* Of a device that is being released, or that is known to Fairlead but not to the guest. */
static int block_dma(struct pci_dev *dev)
{
	return manage_has_unit(dev) ? MANAGE_CALL(iommu_block, dev) : 0;
}

void manage_init(struct vm *vm)
{
	static const struct pci_hooks hooks = {
		.block_dma = block_dma,
		.surprise = manage_surprise,
		.link = manage_link,
	};

	the_vm = vm;
	for (unsigned int i = 0; i < MANAGE_OPS; i++)
		atomic_store(&ops[i].used, false);
	pci_set_hooks(&hooks);
}

/* ---- the pool ---- */

static void step_of_work(struct work *w)
{
	struct manage_op *op = container_of(w, struct manage_op, work);

	op->step(op);
}

static void step_of_timer(struct timer *t)
{
	struct manage_op *op = container_of(t, struct manage_op, timer);

	op->step(op);
}

static struct manage_op *take_free(void)
{
	for (unsigned int i = 0; i < MANAGE_OPS; i++) {
		if (!atomic_exchange_explicit(&ops[i].used, true, memory_order_acquire))
			return &ops[i];
	}
	return NULL;
}

struct manage_op *manage_op_new(struct pci_dev *dev, enum pci_op kind)
{
	struct manage_op *op = take_free();

	if (!op)
		return NULL;
	work_init(&op->work, step_of_work);
	timer_init(&op->timer, step_of_timer);
	op->dev = dev;
	op->kind = kind;
	op->failure = 0;
	op->exposed = op->withdrawn = op->unblocked = false;
	return op;
}

void manage_op_free(struct manage_op *op)
{
	pci_dev_put(op->dev, PCI_REF_WORK);
	op->dev = NULL;
	atomic_store_explicit(&op->used, false, memory_order_release);
	manage_surprise_next();
}

void manage_op_end(struct manage_op *op)
{
	const char *name = pci_op_name(op->kind);

	pci_op_end(op->dev, op->failure);
	manage_op_free(op);
	oracle_run(the_vm, name);
}

/* ---- steps ---- */

void manage_next(struct manage_op *op, void (*step)(struct manage_op *op))
{
	op->step = step;
	work_post(&op->work);
}

void manage_later(struct manage_op *op, void (*step)(struct manage_op *op), u64 delay_us)
{
	op->step = step;
	timer_set(&op->timer, delay_us);
}

static void reset_done(struct pci_reset *r, int result)
{
	struct manage_op *op = container_of(r, struct manage_op, reset);

	op->reset_over(op, result);
}

void manage_reset_device(struct manage_op *op, void (*over)(struct manage_op *op, int result))
{
	int ret;

	op->reset_over = over;
	op->reset = (struct pci_reset){ .dev = op->dev, .done = reset_done };
	ret = MANAGE_CALL(pci_reset_start, &op->reset);
	if (ret)
		over(op, ret);
}

void manage_say(const struct manage_op *op, const char *done)
{
	log_info("manage: %s " SBDF_FMT ": %s%s", pci_op_name(op->kind), SBDF_ARGS(op->dev->sbdf),
		 op->kind == PCI_OP_ASSIGN && op->failure ? "undone: " : "", done);
}

void manage_failed(struct manage_op *op, const char *step, int error)
{
	log_error("manage: %s " SBDF_FMT ": %s failed (%d)", pci_op_name(op->kind), SBDF_ARGS(op->dev->sbdf),
		  step, error);
	op->failure = op->failure ? op->failure : error;
}

void manage_broken(struct manage_op *op, const char *step, int error)
{
	manage_failed(op, step, error);
	if (!(atomic_fetch_or_explicit(&op->dev->flags, PCI_FLAG_BROKEN, memory_order_relaxed) &
	      PCI_FLAG_BROKEN))
		log_error("manage: " SBDF_FMT " is broken: it is not given to anybody any more",
			  SBDF_ARGS(op->dev->sbdf));
}

/* ---- the beginning ---- */

typedef int (*check_fn)(struct pci_dev *dev, struct pci_reason *why);

/* With a reference: the operation, whose device is claimed; or why not. */
static int begin(struct pci_dev *dev, enum pci_op kind, check_fn allowed, u32 *ticket, struct pci_reason *why,
		 struct manage_op **out)
{
	int ret = pci_op_begin(dev, kind, ticket, why);

	if (ret)
		return ret;
	ret = allowed(dev, why);
	*out = ret ? NULL : manage_op_new(dev, kind);
	if (!ret && !*out)
		ret = manage_refuse(why, -EBUSY, "too many operations at once");
	if (ret)
		pci_op_cancel(dev);
	return ret;
}

int manage_start(struct sbdf sbdf, enum pci_op kind, check_fn allowed, void (*first)(struct manage_op *op),
		 u32 *ticket, struct pci_reason *why)
{
	struct pci_dev *dev = pci_dev_find(sbdf);
	struct manage_op *op;
	int ret;

	if (why)
		why->text[0] = '\0';
	if (!dev)
		return manage_refuse(why, -ENODEV, "there is no such device");
	ret = begin(dev, kind, allowed, ticket, why, &op);
	if (ret) {
		pci_dev_put(dev, PCI_REF_TRANSIENT);
		return ret;
	}
	pci_dev_convert(dev, PCI_REF_TRANSIENT, PCI_REF_WORK);
	manage_next(op, first);
	return -EINPROGRESS;
}
