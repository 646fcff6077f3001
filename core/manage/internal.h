/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of core/manage share: an operation under way, and its steps. Nobody else includes this (the
 * tests do).
 *
 * An operation is an object of a static pool. It holds a WORK reference on its device, which it has claimed,
 * so nobody else works on that device. One step follows the other, each called as deferred work or by the
 * operation's timer: never two at once, and no lock is held.
 */
#ifndef CORE_MANAGE_INTERNAL_H
#define CORE_MANAGE_INTERNAL_H

#include "core/manage/manage.h"
#include "drivers/pci/reset.h"

#define MANAGE_OPS 16 /* operations at once */

struct manage_op {
	_Atomic bool used;
	struct work work;
	struct timer timer;
	struct pci_reset reset;
	void (*reset_over)(struct manage_op *op, int result);
	struct pci_dev *dev;
	enum pci_op kind;
	void (*step)(struct manage_op *op); /* the next one */
	int failure;			    /* the first error: the operation's result */
	bool exposed;	/* the guest may have used it, and it is still there: it is reset before it rests */
	bool withdrawn; /* no CPU reaches its registers */
	bool unblocked; /* its DMA could not be blocked when it was its turn */
	unsigned int tries;
	u64 deadline_us;
};

/* ---- ops.c ---- */

struct vm *manage_vm(void);
/* Whose device has been claimed by the caller, who gives his WORK reference along. NULL: too many at once. */
struct manage_op *manage_op_new(struct pci_dev *dev, enum pci_op kind);
/*
 * Finds and claims the device, asks `allowed`, and posts the first step: -EINPROGRESS. Or the refusal and its
 * reason, and nothing has changed.
 */
int MUST_CHECK manage_start(struct sbdf sbdf, enum pci_op kind,
			    int (*allowed)(struct pci_dev *dev, struct pci_reason *why),
			    void (*first)(struct manage_op *op), u32 *ticket, struct pci_reason *why);
/* Back to the pool; its reference is dropped. */
void manage_op_free(struct manage_op *op);
/*
 * The claim is given back, the event posted with op->failure, the operation freed; then the oracle looks
 * around.
 */
void manage_op_end(struct manage_op *op);
/* The next step, as deferred work; and not before some time has passed. */
void manage_next(struct manage_op *op, void (*step)(struct manage_op *op));
void manage_later(struct manage_op *op, void (*step)(struct manage_op *op), u64 delay_us);
/* Resets the device; `over` is called with the result, perhaps from within this call. */
void manage_reset_device(struct manage_op *op, void (*over)(struct manage_op *op, int result));
/* What the user of the monitor follows: "manage: deassign 0000:00:02.0: DMA blocked". */
void manage_say(const struct manage_op *op, const char *done);
/* A step failed: the first failure is the operation's result. */
void manage_failed(struct manage_op *op, const char *step, int error);
/* The same for one that cannot be undone: the device is BROKEN. */
void manage_broken(struct manage_op *op, const char *step, int error);

/* ---- checks.c: 0, or the refusal and its reason. By who has claimed the device. ---- */
int MUST_CHECK manage_may_assign(struct pci_dev *dev, struct pci_reason *why);
int MUST_CHECK manage_may_deassign(struct pci_dev *dev, struct pci_reason *why);
int MUST_CHECK manage_may_reset(struct pci_dev *dev, struct pci_reason *why);
/* What is asked at boot, too. */
int MUST_CHECK manage_may_be_the_guests(struct pci_dev *dev, struct pci_reason *why);
/* Does a unit bound its DMA? */
bool manage_has_unit(struct pci_dev *dev);
int manage_refuse(struct pci_reason *why, int error, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- deassign.c ---- */
/* Takes from the guest what it has of the device, all or part: a deassign, a failed assign, a surprise. */
void manage_take_away(struct manage_op *op);

/* ---- surprise.c ---- */
void manage_surprise(struct pci_dev *dev);	     /* pci_hooks.surprise */
void manage_link(struct pci_dev *port, bool enable); /* pci_hooks.link */
/* There is room in the pool: a surprise may have waited for it. */
void manage_surprise_next(void);

/* ---- tests ---- */
#ifdef FL_HOST
/*
 * Asked before each call of another part that can fail, with the function's name. An answer other than 0 is
 * taken for the function's, which is not called. NULL: nothing fails.
 */
extern int (*manage_fault)(const char *function);
#define MANAGE_CALL(fn, ...)                                       \
	({                                                         \
		int fault_ = manage_fault ? manage_fault(#fn) : 0; \
		fault_ ? fault_ : fn(__VA_ARGS__);                 \
	})
#else
#define MANAGE_CALL(fn, ...) fn(__VA_ARGS__)
#endif

#endif
