/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens when Fairlead itself takes an exception. A load or store that the bus refuses where devices may vanish
 * (configuration space, an MSI-X table) reads all-ones or is dropped, a translation of the guest's that meets an error has failed
 * (own_fault.c); everything else is a bug of ours, dumped and ended with panic().
 *
 * SErrors are masked while Fairlead runs, so one arrives with the next entry of the guest, as an exit.
 */
#include "arch/arm64/trap.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/exits.h"
#include "arch/arm64/own_fault.h"
#include "arch/arm64/paging.h"
#include "arch/arm64/stacks.h"
#include "core/arch.h"
#include "core/image.h"
#include "core/ksyms.h"
#include "core/log.h"
#include "core/once.h"
#include "core/panic.h"

#define VECTOR_OWN_SYNC 4 /* current EL with SP_ELx, synchronous */

static const char *const vector_names[8] = {
	"synchronous, SP_EL0", "IRQ, SP_EL0", "FIQ, SP_EL0", "SError, SP_EL0", "synchronous", "IRQ", "FIQ", "SError",
};

static bool in_text(u64 address)
{
	return address >= virt_to_phys(__text_start) && address < virt_to_phys(__text_end);
}

static void log_address(const char *what, u64 address)
{
	u64 delta;
	const char *name = in_text(address) ? ksym_lookup(address - virt_to_phys(__image_start), &delta) : NULL;

	if (name)
		log_error("  %s %016llx %s+0x%llx", what, (unsigned long long)address, name, (unsigned long long)delta);
	else
		log_error("  %s %016llx", what, (unsigned long long)address);
}

/* Words on the stack that are addresses in our text: most are return addresses. */
static void log_callers(u64 sp)
{
	const u64 top = stack_area(arch_cpu_index()) + STACK_TOP, base = stack_area(arch_cpu_index()) + STACK_BASE;
	unsigned int found = 0;

	if (sp < base || sp >= top)
		return;
	for (u64 at = ALIGN_UP(sp, (u64)8); at < top && found < 12; at += 8) {
		const u64 word = *(const u64 *)phys_to_virt(at);

		if (in_text(word)) {
			log_address("from", word);
			found++;
		}
	}
}

static void dump(const struct trap_frame *f, unsigned int vector)
{
	log_error("exception (%s) on CPU %u, class 0x%02x, syndrome 0x%llx, image at %p", vector_names[vector & 7], arch_cpu_index(),
		  ESR_EC(f->esr), (unsigned long long)f->esr, (const void *)__image_start);
	log_address("pc ", f->elr);
	log_address("lr ", f->x[30]);
	log_error("  far %016llx sp %016llx spsr %08llx", (unsigned long long)f->far, (unsigned long long)f->sp,
		  (unsigned long long)f->spsr);
	for (unsigned int i = 0; i < 30; i += 3)
		log_error("  x%-2u %016llx x%-2u %016llx x%-2u %016llx", i, (unsigned long long)f->x[i], i + 1,
			  (unsigned long long)f->x[i + 1], i + 2, (unsigned long long)f->x[i + 2]);
	log_callers(f->sp);
}

/* Of what may be: the bus has refused a register of a device that has gone, or does not answer. */
static bool passed_over(struct trap_frame *f)
{
	static once_place logged[16];
	enum own_fault fault;

	if (!in_text(f->elr))
		return false;
	fault = own_fault_pass(f, *(const u32 *)phys_to_virt(f->elr));
	if (fault == OWN_FAULT_REFUSED && once(logged, f->far & PAGE_MASK))
		log_warn("bus: access to 0x%llx refused: no device answers there", (unsigned long long)f->far);
	return fault != OWN_FAULT_BUG;
}

void trap_handle(struct trap_frame *frame, unsigned int vector)
{
	if (vector == VECTOR_OWN_SYNC && passed_over(frame))
		return;
	panic_begin(); /* the dump is part of it */
	dump(frame, vector);
	panic_end("exception class 0x%02x in Fairlead", ESR_EC(frame->esr));
}

/* ISS of an SError (Arm ARM D19.2.37): IDS 24: implementation defined; with RAS, DFSC 0x11 and AET 12:10 say how bad it is. */
#define SERROR_DFSC(esr) ((u32)(esr) & 0x3f)
#define SERROR_IDS BIT(24)
#define SERROR_DFSC_RAS 0x11u
#define SERROR_AET(esr) ((u32)(esr) >> 10 & 7)
#define AET_UNCONTAINABLE 0u

/*
 * Who caused it cannot be told in general: a posted write of the guest's, of Fairlead's, or a device. What is uncontainable by the
 * hardware's own word ends the machine; all else is said, and the guest goes on.
 */
void trap_guest_serror(u64 esr)
{
	static _Atomic u64 seen;
	const u64 number = atomic_fetch_add(&seen, 1) + 1;
	const bool ras = !(esr & SERROR_IDS) && SERROR_DFSC(esr) == SERROR_DFSC_RAS;

	if (ras && SERROR_AET(esr) == AET_UNCONTAINABLE)
		panic("uncontainable SError, syndrome 0x%llx", (unsigned long long)esr);
	if (number <= 16 || number % 1024 == 0)
		log_warn("SError %llu on CPU %u, syndrome 0x%llx%s: the guest goes on", (unsigned long long)number, arch_cpu_index(),
			 (unsigned long long)esr, ras ? "" : " (implementation defined)");
}
