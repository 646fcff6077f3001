/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts while everything else goes on: a remapping unit that caches its entries, devices that send
 * messages, and a guest that changes, masks, disables and resets them. What is checked:
 *
 *   - a message arrives at the target that the guest has set; while a write that changes it has not returned,
 *     at that one or the one before;
 *   - none is lost while the guest has it enabled, and none is sent under a mask whose write has returned;
 *   - what is enabled is enabled in the hardware when the write has returned;
 *   - a device in quarantine delivers nothing, and nobody delivers by an entry of another device;
 *   - an entry is freed only when nothing in the unit knows what it said.
 *
 * As in fake_threads.h nothing here is locked, and what the threads share are atomics.
 */
#include "drivers/pci/msi.h"
#include "drivers/vpci/vpci.h"
#include "tests/fake/fake_remap.h"
#include "tests/fake/fake_threads.h"
#include "tests/stress/stress.h"

#define MSI_CONTROL 0x52
#define MSI_ADDRESS 0x54
#define MSI_DATA    0x5c
#define MSI_MASK    0x60
#define MESSAGES    8u
#define AWAY(i)	    (0xf0008000u + (i) * 0x10000u) /* where else the guest puts BAR 1 */
#define CHANGES_A_ROUND 8u

static void send_one(unsigned int i, u32 number);

/* ---- between the devices and the unit (tests/fake/fake_remap.h) ---- */

/* Odd: the thread plays a device whose message is on its way. */
static _Atomic u64 flight[FT_THREADS_MAX];
/* The device whose messages this thread changes; HOT: none. */
static _Thread_local unsigned int changing = HOT;

/* ft_push. Not what sets out later: a sender that never stops must not keep anybody. */
static void wait_for_flights(void)
{
	for (unsigned int i = 0; i < ft_threads; i++) {
		u64 n = atomic_load(&flight[i]);

		while (i != host_cpu && (n & 1) && atomic_load(&flight[i]) == n)
			sched_yield();
	}
}

/* While a CPU waits for a flush the device goes on sending. */
static void send_meanwhile(void)
{
	if (changing < HOT)
		send_one(changing, (u32)atomic_load(&fake_remap.flushes) % MESSAGES);
}

void start_remapping(void)
{
	fake_remap_begin(true);
	fake_remap.threads = true;
	fake_remap.at_flush = send_meanwhile;
	ft_push = wait_for_flights;
	start_tables();
}

void compare_entries(void)
{
	const char *misuse = atomic_load(&fake_remap.misuse);

	atomic_store(&counters.flushes, atomic_load(&fake_remap.flushes));
	if (misuse)
		complain("remapping: %s", misuse);
	if (fake_entries_used())
		complain("%u entries are still somebody's", fake_entries_used());
}

/* ---- the guest ---- */

/* What the guest has asked of a device, packed; changes with each of its writes. */
#define NOW(v)	 ((u64)(v))	  /* the data's vector */
#define BEFORE(v) ((u64)(v) << 8) /* the one that it replaces: its write has not returned */
#define SURE	 (1ull << 16)	  /* read back, in this tenancy: enabled, and nothing under way */
#define MASKED	 (1ull << 17)
#define SERIAL	 (1ull << 32)

static _Atomic u64 asked[HOT];
static _Atomic u64 tenancy[HOT];  /* assign_calls, when it was sure */
/* One CPU at a time works at the device's messages, as in a guest with a driver. */
static _Atomic bool driver[HOT];
/* Others may switch decoding off and move BARs: with MSI-X that closes the way to the table. */
static _Atomic u64 meddling[HOT], meddled[HOT];

void meddle_begin(unsigned int i)
{
	atomic_fetch_add(&meddling[i], 1);
}

void meddle_end(unsigned int i)
{
	atomic_fetch_add(&meddled[i], 1);
}

u64 meddlers(unsigned int i)
{
	u64 begun = atomic_load(&meddling[i]);

	return atomic_load(&meddled[i]) == begun ? begun : 0;
}

bool be_driver(unsigned int i)
{
	return !atomic_exchange_explicit(&driver[i], true, memory_order_relaxed);
}

void stop_driving(unsigned int i)
{
	atomic_store_explicit(&driver[i], false, memory_order_relaxed);
}

static void say(unsigned int i, u64 what)
{
	u64 serial = atomic_load(&asked[i]) / SERIAL + 1;

	atomic_store(&asked[i], serial * SERIAL | what);
}

/* What the guest reads is what it has written: nobody reset the device or took it away. */
static bool reads_back(unsigned int i, struct sbdf sbdf, u8 vector, u32 mask)
{
	if (HAS_MSIX(i))
		return msix_reads_back(i, vector, mask);
	return (vpci_read(sbdf, MSI_CONTROL, 2) & 1) && vpci_read(sbdf, MSI_ADDRESS, 4) == 0xfee00000 &&
	       vpci_read(sbdf, MSI_DATA, 2) == vector && vpci_read(sbdf, MSI_MASK, 4) == mask;
}

/* As a driver begins: after a reset of its device the BARs are nowhere, and nothing is decoded. */
static void set_up(struct actor *a, unsigned int i, struct sbdf sbdf, u8 vector)
{
	bool enable = random_number(a) % 8;

	meddle_begin(i);
	vpci_write(sbdf, 0x10, 4, HOT_BAR(i));
	vpci_write(sbdf, 0x14, 4, random_number(a) % 4 ? HOT_TABLE(i) : AWAY(i));
	vpci_write(sbdf, 0x04, 2, 0x0006);
	meddle_end(i);
	if (HAS_MSIX(i)) {
		msix_enable(i, false);
		msix_write_all(i, vector);
		msix_mask_all(i, false);
		msix_enable(i, enable);
		atomic_fetch_add_explicit(&counters.msix, 1, memory_order_relaxed);
		say(i, NOW(vector) | BEFORE(vector) | (reads_back(i, sbdf, vector, 0) ? SURE : 0));
		return;
	}
	vpci_write(sbdf, MSI_CONTROL, 2, 0);
	vpci_write(sbdf, MSI_ADDRESS, 4, 0xfee00000);
	vpci_write(sbdf, MSI_DATA, 2, vector);
	vpci_write(sbdf, MSI_MASK, 4, 0);
	if (enable)
		vpci_write(sbdf, MSI_CONTROL, 2, 1 | (random_number(a) >> 20) % 4 << 4);
	say(i, NOW(vector) | BEFORE(vector) | (reads_back(i, sbdf, vector, 0) ? SURE : 0));
}

static void write_vector(unsigned int i, struct sbdf sbdf, u8 vector)
{
	if (HAS_MSIX(i))
		msix_write_all(i, vector);
	else
		vpci_write(sbdf, MSI_DATA, 2, vector);
}

static void write_masks(unsigned int i, struct sbdf sbdf, bool masked)
{
	if (HAS_MSIX(i))
		msix_mask_all(i, masked);
	else
		vpci_write(sbdf, MSI_MASK, 4, masked ? 0xff : 0);
}

/* The rest of this is one CPU's, while others send. */
static void move(unsigned int i, struct sbdf sbdf, u8 vector)
{
	u8 before = (u8)atomic_load(&asked[i]);

	say(i, NOW(vector) | BEFORE(before) | SURE);
	write_vector(i, sbdf, vector);
	say(i, NOW(vector) | BEFORE(vector) | (reads_back(i, sbdf, vector, 0) ? SURE : 0));
	atomic_fetch_add_explicit(&counters.affinity, 1, memory_order_relaxed);
}

static void move_masked(unsigned int i, struct sbdf sbdf, u8 vector)
{
	u8 before = (u8)atomic_load(&asked[i]);

	say(i, NOW(before) | BEFORE(before));
	write_masks(i, sbdf, true);
	if (reads_back(i, sbdf, before, 0xff))
		say(i, NOW(before) | BEFORE(before) | SURE | MASKED);
	send_messages(NULL);
	say(i, NOW(vector) | BEFORE(vector));
	write_vector(i, sbdf, vector);
	write_masks(i, sbdf, false);
	say(i, NOW(vector) | BEFORE(vector) | (reads_back(i, sbdf, vector, 0) ? SURE : 0));
	atomic_fetch_add_explicit(&counters.affinity_masked, 1, memory_order_relaxed);
}

static void change_one(struct actor *a)
{
	unsigned int i = (unsigned int)((random_number(a) >> 16) % HOT);
	struct sbdf sbdf = { 0, HOT_BDF(i) };
	/* below it the message's number takes the low bits */
	u8 vector = (u8)(0x40 + 8 * ((random_number(a) >> 16) % 16));
	struct standing before;

	if (!be_driver(i))
		return;
	changing = i;
	before = look_at(i);
	if (atomic_load(&tenancy[i]) != before.calls)
		say(i, 0);
	atomic_store(&tenancy[i], before.calls);
	atomic_fetch_add_explicit(&counters.msi, 1, memory_order_relaxed);
	if (random_number(a) % 64 == 0) {
		say(i, 0);
		vpci_write(sbdf, 0x88, 2, 0xa810); /* the guest resets its device */
	} else if (!(atomic_load(&asked[i]) & SURE) || random_number(a) % 4 == 0) {
		say(i, 0);
		set_up(a, i, sbdf, vector);
	} else if (random_number(a) % 2) {
		move(i, sbdf, vector);
	} else {
		move_masked(i, sbdf, vector);
	}
	if (!before.guests || !unchanged(before, i))
		say(i, 0);
	changing = HOT;
	stop_driving(i);
}

void change_messages(struct actor *a)
{
	for (unsigned int n = 0; n < CHANGES_A_ROUND; n++)
		change_one(a);
}

/* ---- devices ---- */

/* As ft_reg(), in this order: who disables or resets does it in the same. */
static u32 device_register(u16 bdf, unsigned int offset, unsigned int size)
{
	u32 value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (u32)atomic_load(&ft_fn[bdf]->cfg[offset + i]) << (8 * i);
	return value;
}

/*
 * A device sends message `number`, or one of those that it may. Only as bus master (PCIe base spec 6.0,
 * 6.1.4.3); if the guest, or a reset, disables MSI meanwhile, what it has read does not belong together.
 */
static enum sent msi_send(unsigned int i, u32 number, u64 *address, u32 *data)
{
	u16 bdf = HOT_BDF(i);
	bool master = ft_answers(ft_fn[bdf]) && (device_register(bdf, 0x04, 2) & 4);
	u32 control = device_register(bdf, MSI_CONTROL, 2);

	if (!master || !(control & 1))
		return master ? DISABLED : CANNOT;
	number &= (1u << (control >> 4 & 7)) - 1;
	*address = device_register(bdf, MSI_ADDRESS, 4) | (u64)device_register(bdf, MSI_ADDRESS + 4, 4) << 32;
	*data = device_register(bdf, MSI_DATA, 2) | number;
	if (device_register(bdf, MSI_MASK, 4) & 1u << number)
		return KEPT_BACK;
	return device_register(bdf, MSI_CONTROL, 2) == control ? SENT : CANNOT;
}

static enum sent send(unsigned int i, u32 number, u8 *vector)
{
	u64 address;
	u32 data;
	enum sent sent = (HAS_MSIX(i) ? msix_send : msi_send)(i, number, &address, &data);

	if (sent != SENT)
		return sent;
	if (fake_message(HOT_BDF(i), address, data) != FAKE_DELIVERED)
		return BLOCKED;
	*vector = fake_interrupt.vector;
	return DELIVERED;
}

/* With MSI-X a message is kept back while it is changed, and sent then. */
static bool may_keep_back(unsigned int i, u64 what)
{
	return (what & MASKED) || (HAS_MSIX(i) && (u8)what != (u8)(what >> 8));
}

static void judge(unsigned int i, struct standing before, u64 what, enum sent sent, u8 vector)
{
	u8 low = MESSAGES - 1;
	bool sure;

	if (sent == DELIVERED && before.quarantined && unchanged(before, i))
		complain("device %u, which is in quarantine, delivered vector 0x%x", i, vector);
	sure = (what & SURE) && before.guests && atomic_load(&tenancy[i]) == before.calls && unchanged(before, i) &&
	       atomic_load(&asked[i]) == what;
	if (sent == KEPT_BACK)
		atomic_fetch_add_explicit(&counters.masked_sends, 1, memory_order_relaxed);
	if (sent == DELIVERED)
		atomic_fetch_add_explicit(&counters.delivered, 1, memory_order_relaxed);
	if (!sure)
		return;
	if (sent == DISABLED)
		complain("device %u has its messages disabled, the guest has them enabled", i);
	if (sent == BLOCKED)
		complain("a message of device %u is lost: the guest has it enabled", i);
	if (sent == KEPT_BACK && !may_keep_back(i, what))
		complain("device %u keeps a message back that the guest has not masked", i);
	if (sent != DELIVERED)
		return;
	if (what & MASKED)
		complain("device %u sent a message that the guest has masked", i);
	if ((vector & ~low) != (u8)what && (vector & ~low) != (u8)(what >> 8))
		complain("a message of device %u arrived at 0x%x; the guest asked for 0x%x", i, vector, (u8)what);
	if ((u8)what != (u8)(what >> 8))
		atomic_fetch_add_explicit(&counters.delivered_in_change, 1, memory_order_relaxed);
}

static void send_one(unsigned int i, u32 number)
{
	struct standing before = look_at(i);
	u64 alone = meddlers(i);
	u64 what = atomic_load(&asked[i]);
	enum sent sent;
	u8 vector = 0;

	atomic_fetch_add(&flight[host_cpu], 1);
	sent = send(i, number, &vector);
	atomic_fetch_add(&flight[host_cpu], 1);
	if (HAS_MSIX(i) && sent == DELIVERED)
		atomic_fetch_add_explicit(&counters.msix_delivered, 1, memory_order_relaxed);
	/* What cannot be: a message under the mask, at another target, out of quarantine. That is so whoever meddles. */
	if (HAS_MSIX(i) && sent != DELIVERED && (!alone || meddlers(i) != alone))
		what &= ~SURE;
	judge(i, before, what, sent, vector);
}

/* A device, or who drives it, tries an entry of its own choice; so the unit caches any at any time. */
static void forge(unsigned int i, u32 index)
{
	u16 whose = FAKE_SID(fake_entry(index));
	enum fake_verdict verdict = fake_message(HOT_BDF(i), fake_remappable(index), 0);

	if (verdict != FAKE_DELIVERED)
		atomic_fetch_add_explicit(&counters.forged, 1, memory_order_relaxed);
	else if (whose != HOT_BDF(i) && FAKE_SID(fake_entry(index)) == whose)
		complain("device %u delivered by entry %u, which is another's", i, index);
}

/* a: NULL: the one that is just masked, and others, by a thread in the middle of a change. */
void send_messages(struct actor *a)
{
	static _Atomic u32 turn;

	for (unsigned int n = 0; n < 4; n++) {
		u64 random = a ? random_number(a) >> 16 : atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);

		send_one((unsigned int)(random % HOT), (u32)(random >> 8) % MESSAGES);
		if (a && n == 0)
			forge((unsigned int)(random >> 12) % HOT, (u32)(random >> 20) % 64);
	}
}
