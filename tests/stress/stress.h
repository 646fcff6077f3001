/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the stress run share: the machine's shape, the counters, and what a thread does in one
 * round.
 */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include <stdatomic.h>

#include "core/types.h"
#include "core/vm.h"
#include "drivers/pci/pci.h"

#define POOL_BYTES ((size_t)64 << 20)
#define OBJECTS	   64u
#define HOT	   8u /* devices that live and die */
#define HOT_BDF(i) PCI_BDF(0, 16 + (i), 0)
#define HOT_BAR(i) (0xe0000000u + (i) * 0x10000u)
#define PF_BDF	   PCI_BDF(0, 1, 0)
#define PF_VFS	   4u
#define VF_BDF(i)  PCI_BDF(0, 3 + (i), 0)
#define DMA_PAGE   0x100000u
#define HAS_MSIX(i) ((i) % 2) /* its driver uses MSI-X; the others' MSI */
#define HOT_TABLE(i) (HOT_BAR(i) + 0x8000u) /* BAR 1: with MSI-X, its table's page and no more */
#define MSIX_MESSAGES 4u
#define HELD	   4u	/* references that a thread keeps for some rounds */
#define TLB	   32u	/* translations that a CPU keeps */

struct stress_counters {
	_Atomic u64 lookups, hits, overlaps, config, msi, lifecycles, in_progress, busy, already, nodev, add_busy, assigned,
		deassigned, refused, vfs_on, vfs_off, vanished, guest_reached, guest_nothing, dma_reached, dma_blocked,
		affinity, affinity_masked, delivered, delivered_in_change, masked_sends, forged, flushes, msix,
		msix_delivered, resets, oracle_runs, switched_off, kicked;
};
extern struct stress_counters counters;
extern struct vm ft_vm;
extern _Atomic bool stop;
extern _Atomic bool kicked[]; /* by CPU: leave the guest */
extern _Atomic bool failed;

/* One thread's state. */
struct actor {
	u64 random;
	struct pci_dev *held[HELD]; /* WORK references, as an operation of several steps has them */
	unsigned int next_held;
	struct {
		u64 gpa, hpa; /* gpa 0: empty */
	} tlb[TLB];
};

void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Who owns device i, and how often somebody asked for a change so far. */
struct standing {
	bool quarantined, guests; /* at rest: LIVE, nobody has claimed it */
	u64 generation, calls;
};
struct standing look_at(unsigned int i);
bool unchanged(struct standing before, unsigned int i);

/* actions.c */
void act(struct actor *a);
void drop_held(struct actor *a);
void stress_event(const struct pci_event *event, void *ctx);
/* Around a write to Command or a BAR by who is not the device's driver. The number of those begun so far; 0: one is under way. */
void meddle_begin(unsigned int i);
void meddle_end(unsigned int i);
u64 meddlers(unsigned int i);
/* One CPU at a time is a device's driver. False: another is. */
bool be_driver(unsigned int i);
void stop_driving(unsigned int i);
/* interrupts.c: the guest changes a device's messages; devices send; the unit between them. */
void start_remapping(void);
void change_messages(struct actor *a);
void send_messages(struct actor *a);
void compare_entries(void);
/* What becomes of a message that a device wants to send. */
enum sent { CANNOT, DISABLED, KEPT_BACK, SENT, BLOCKED, DELIVERED };
/* msix.c: the tables, and what a driver and a device do with them. */
void start_tables(void);
bool msix_reads_back(unsigned int i, u8 vector, bool masked);
void msix_enable(unsigned int i, bool on);
void msix_write_all(unsigned int i, u8 vector);
void msix_mask_all(unsigned int i, bool masked);
/* SENT: by that message; what becomes of it, the unit knows. */
enum sent msix_send(unsigned int i, u32 number, u64 *address, u32 *data);
/* guest.c: the guest switches a device's decoding off: when the write has returned, no CPU reaches its registers. */
void switch_off(struct actor *a);
/* guest.c: an entry, some accesses of the guest and its devices, the exit. */
void be_the_guest(struct actor *a);
/*
 * What completion events told: device `i` was taken from the guest (an odd number), or may be given to it
 * (even).
 */
u64 taken_stamp(unsigned int i);
u64 random_number(struct actor *a);
/* verdict.c */
void remember_baseline(void);
bool nothing_under_way(void);
void put_all_back(void);
void compare_with_baseline(void);

#endif
