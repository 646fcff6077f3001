/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulated GIC's state, for its own files (vgic.h is for the others).
 *
 * A bank is what shares a register of one bit each: 32 interrupts. Bank 0 exists once for each vCPU (SGIs,
 * PPIs), banks 1 to 31 once (SPIs). A bank has a lock, which guards all that there is to know of its
 * interrupts. Only one bank's lock is ever held at a time, and under it only leaves are taken (of gic.c);
 * vgic.c says why that is enough.
 */
#ifndef ARCH_ARM64_VGIC_INTERNAL_H
#define ARCH_ARM64_VGIC_INTERNAL_H

#include <stdatomic.h>

#include "arch/arm64/gic_regs.h"
#include "arch/arm64/vgic.h"
#include "core/lock.h"

#define VGIC_BANK   32u /* interrupts in one */
#define VGIC_BANKS  32u /* that a CPU sees: INTIDs below 1024 */
#define VGIC_NOBODY 0xffu
static_assert(CPUS_MAX < VGIC_NOBODY, "a CPU's number in a byte");

/* Five bits of priority are everywhere (IHI 0069H, 4.8), and the list registers have no fewer. */
#define VGIC_PRIORITY_MASK 0xf8u
#define VGIC_UNTAKEN	   0xffu

struct virq {
	u64 route; /* an SPI's GICD_IROUTER */
	u8 priority;
	u8 target; /* the CPU it goes to */
	u8 listed; /* the CPU that has it in its set (struct vgic_cpu), */
	u8 held;   /* or has it in its list registers; VGIC_NOBODY */
	u8 taker;  /* while active: the CPU that took it, */
	u8 rank;   /* and the priority with which it did; VGIC_UNTAKEN: active by the guest's write */
	bool enabled, group1, edge;
	bool latch; /* pending by an edge, a message, an SGI, GICD_ISPENDR, or a physical interrupt taken */
	bool line;  /* the line of an emulated device */
	bool active;
	bool linked; /* its physical interrupt is active: to be deactivated when this one is */
	/* While it is held: what to do when it comes back. */
	bool taken;	   /* its latch went into the list register */
	bool linked_again; /* the physical interrupt was taken anew */
	bool drop_pending, drop_active, make_active;
};

struct vgic_bank {
	struct spinlock lock;
	u32 first; /* INTID */
	u8 cpu;	   /* bank 0: whose; otherwise 0 */
	struct virq irq[VGIC_BANK] GUARDED_BY(vgic_class);
};

struct ALIGNED(64) vgic_cpu {
	/*
	 * Its set: what wants a list register here, being pending and enabled, or active. A bit is written
	 * under the lock of its bank, and is set if and only if that interrupt's `listed` says this CPU.
	 * `banks`: which words are not 0.
	 */
	_Atomic u32 set[VGIC_BANKS];
	_Atomic u32 banks;
	/*
	 * It is in the guest, or has begun to look at its set in order to be: who changes something must kick
	 * it.
	 */
	_Atomic bool inside;
	_Atomic u64 returns; /* how often it has come back, list registers read */

	struct vgic_bank own; /* bank 0 */
	_Atomic u32 waker;    /* GICR_WAKER */

	/* The CPU's own. */
	unsigned int lrs; /* list registers that it has */
	bool has_tdir;
	u32 loaded;		/* list registers that are not 0 */
	u32 offered;		/* of these, those that were loaded pending, */
	u32 ends;		/* and those whose end is to be an exit */
	u64 hcr;		/* ICH_HCR_EL2 as written last */
	u16 intid[ICH_LRS_MAX]; /* what each of `loaded` holds */
};

struct vgic {
	unsigned int cpus;
	u32 maintenance_intid;
	_Atomic u32 groups; /* GICD_CTLR: GICD_CTLR_GRP0, GICD_CTLR_GRP1 */
	struct vgic_frame frame;
	struct vgic_cpu *cpu;
	struct vgic_bank *spi; /* banks 1 .. 31, from index 0 */
};
extern struct vgic vgic; /* pointers and numbers are written at boot */

static inline void vgic_lock_at(struct vgic_bank *bank, struct code_site site)
	ACQUIRES(bank->lock, vgic_class) NO_THREAD_ANALYSIS
{
	spin_lock_at(&bank->lock, site);
}
#define vgic_lock(bank) vgic_lock_at(bank, HERE)

static inline void vgic_unlock(struct vgic_bank *bank) RELEASES(bank->lock, vgic_class) NO_THREAD_ANALYSIS
{
	spin_unlock(&bank->lock);
}

/* The bank that has it, as that CPU sees it. intid < 1024. */
static inline struct vgic_bank *vgic_bank_of(unsigned int cpu, u32 intid)
{
	return intid < VGIC_BANK ? &vgic.cpu[cpu].own : &vgic.spi[intid / VGIC_BANK - 1];
}

/* Its interrupts that exist: 1020 to 1023 do not. */
static inline u32 vgic_usable(const struct vgic_bank *bank)
{
	return bank->first + VGIC_BANK > GIC_SPECIAL_FIRST ? BIT32(GIC_SPECIAL_FIRST - bank->first) - 1
							   : ~(u32)0;
}

/* ---- vgic.c: one interrupt ---- */

/* Is there a physical interrupt of that number, and the guest's? Any context. */
bool vgic_backed(const struct vgic_bank *bank, u32 intid);
/* Does it want to be signalled, if it is enabled? */
static inline bool vgic_is_pending(const struct virq *irq)
{
	return irq->latch || (irq->line && !irq->edge);
}
/* After any change: in whose set it belongs now. Returns the CPUs that have to look, a bit each. */
u64 MUST_CHECK vgic_update(struct vgic_bank *bank, struct virq *irq) REQUIRES(vgic_class);
/* The CPU that has it in its set or its list registers, as a bit: a change is its business. */
u64 vgic_holder(const struct virq *irq);
/* It becomes pending by an event. Returns as vgic_update(). */
u64 MUST_CHECK vgic_latch(struct vgic_bank *bank, struct virq *irq) REQUIRES(vgic_class);
/* It is inactive now, and so is its physical interrupt unless that is pending again. Not while it is held. */
void vgic_end(struct vgic_bank *bank, struct virq *irq) REQUIRES(vgic_class);
/* Its physical interrupt is active, and goes back to inactive. */
void vgic_unlink(struct vgic_bank *bank, struct virq *irq) REQUIRES(vgic_class);
/* Does the distributor forward its group? Any context. */
static inline bool vgic_forwarded(const struct virq *irq)
{
	return atomic_load_explicit(&vgic.groups, memory_order_relaxed) &
	       (irq->group1 ? GICD_CTLR_GRP1 : GICD_CTLR_GRP0);
}

/* Kicks those of them, but this one, that are in the guest. No bank's lock held. */
void vgic_notify(u64 cpus);
/* And waits, at most 10 ms, until each has come out: its list registers are read back then. No lock held. */
void vgic_recall(u64 cpus);

/* ---- vgic_lr.c ---- */

/* The list registers and all that the guest has set of its CPU interface as after reset; this CPU. */
void vgic_reset_interface(struct vgic_cpu *c);

/* ---- vgic_regs.c: the guest's registers that distributor and redistributor share ---- */

/*
 * Which bank's a register at that offset is: false: it is none with a bit, a byte or two bits an interrupt.
 * Pure.
 */
bool MUST_CHECK vgic_bank_register(u64 offset, unsigned int *bank);
/*
 * An access to it, aligned. What is reserved or has no such size: reads give 0, writes are dropped. Exit
 * path, no lock held.
 */
void vgic_bank_access(struct vgic_bank *bank, u32 offset, unsigned int size, bool write, u64 *value);
/* A write of ones to one of the registers with a bit an interrupt. As above. */
void vgic_write_bits(struct vgic_bank *bank, u32 reg, u32 bits);

/* ---- the regions: vm_mmio_fn ---- */
void vgic_dist_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value);
void vgic_redist_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value);
void vgic_frame_access(void *ctx, gpa_t gpa, unsigned int size, bool write, u64 *value);

/* A region of redistributors, each GICR_BYTES or `stride`, of the CPUs from `first_cpu` on. */
struct vgic_redist {
	gpa_t base;
	u64 stride;
	unsigned int first_cpu, cpus;
};

/* The part of a 64-bit register that an access of 4 or 8 bytes means; other sizes: 0. */
static inline u64 vgic_part64(u64 reg, u64 offset, unsigned int size)
{
	return size == 8 ? reg : size == 4 ? reg >> (offset & 4) * 8 & 0xffffffff : 0;
}

/* Identification, IHI 0069H 12.9.8 GICD_IIDR: a product of nobody's list, with Arm's implementer number. */
#define VGIC_IIDR  0x4600043bu
#define VGIC_PIDR2 (GIC_ARCHREV_V3 << 4 | 0xb)

#endif
