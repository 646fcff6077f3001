/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens when Fairlead itself takes an exception: an NMI sets a flag; a machine check is logged and, where the
 * hardware says that nothing of ours was hit, survived; everything else is a bug of ours, dumped and ended with panic().
 */
#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/mce.h"
#include "arch/x86/vcpu.h"
#include "core/image.h"
#include "core/ksyms.h"
#include "core/lockcheck.h"
#include "core/log.h"
#include "core/panic.h"

/* safe_msr.asm */
extern const u8 rdmsr_safe_at[], wrmsr_safe_at[], xsetbv_safe_at[], safe_fault[], safe_fault_xsetbv[];
/* switch.asm */
extern const u8 sleep_window_open[], sleep_window_end[];

volatile bool nmi_arrived[CPUS_MAX];

static const char *const names[32] = {
	"divide error", "debug", "NMI", "breakpoint", "overflow", "bound range", "invalid opcode", "device not available",
	"double fault", "coprocessor overrun", "invalid TSS", "segment not present", "stack fault", "general protection",
	"page fault", "reserved", "x87 error", "alignment check", "machine check", "SIMD error", "virtualization", "control protection",
	"reserved", "reserved", "reserved", "reserved", "reserved", "reserved", "hypervisor injection", "VMM communication", "security",
	"reserved",
};

static bool in_text(u64 address)
{
	return address >= (u64)(uintptr_t)__text_start && address < (u64)(uintptr_t)__text_end;
}

static void log_address(const char *what, u64 address)
{
	u64 delta;
	const char *name = in_text(address) ? ksym_lookup(address - (u64)(uintptr_t)__image_start, &delta) : NULL;

	if (name)
		log_error("  %s %016llx %s+0x%llx", what, (unsigned long long)address, name, (unsigned long long)delta);
	else
		log_error("  %s %016llx", what, (unsigned long long)address);
}

static u64 read_cr2(void)
{
	u64 value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

/* Words on the stack that are addresses in our text: most are return addresses. */
static void log_callers(u64 rsp)
{
	unsigned int found = 0, cpu = arch_cpu_index();

	for (unsigned int stack = 0; stack < STACKS; stack++) {
		if (rsp < stack_guard_page(cpu, stack) + PAGE_SIZE || rsp >= stack_top(cpu, stack))
			continue;
		for (u64 at = ALIGN_UP(rsp, (u64)8); at < stack_top(cpu, stack) && found < 12; at += 8) {
			u64 word = *(const u64 *)phys_to_virt(at);

			if (in_text(word)) {
				log_address("from", word);
				found++;
			}
		}
	}
}

static void dump(const struct trap_frame *f)
{
	log_error("exception %llu (%s) on CPU %u, error code 0x%llx, image at %p", (unsigned long long)f->vector,
		  names[f->vector & 31], arch_cpu_index(), (unsigned long long)f->error_code, (const void *)__image_start);
	log_address("rip", f->rip);
	log_error("  cr2 %016llx rsp %016llx rflags %08llx", (unsigned long long)read_cr2(), (unsigned long long)f->rsp,
		  (unsigned long long)f->rflags);
	log_error("  rax %016llx rbx %016llx rcx %016llx rdx %016llx", (unsigned long long)f->rax, (unsigned long long)f->rbx,
		  (unsigned long long)f->rcx, (unsigned long long)f->rdx);
	log_error("  rsi %016llx rdi %016llx rbp %016llx r8  %016llx", (unsigned long long)f->rsi, (unsigned long long)f->rdi,
		  (unsigned long long)f->rbp, (unsigned long long)f->r8);
	log_error("  r9  %016llx r10 %016llx r11 %016llx r12 %016llx", (unsigned long long)f->r9, (unsigned long long)f->r10,
		  (unsigned long long)f->r11, (unsigned long long)f->r12);
	log_error("  r13 %016llx r14 %016llx r15 %016llx", (unsigned long long)f->r13, (unsigned long long)f->r14,
		  (unsigned long long)f->r15);
	log_callers(f->rsp);
}

/*
 * An NMI that comes when the CPU has decided to sleep, but does not yet, is what it would have slept for: it goes on behind the
 * HLT (switch.asm).
 */
static void do_not_sleep(struct trap_frame *f)
{
	if (f->rip >= (u64)(uintptr_t)sleep_window_open && f->rip < (u64)(uintptr_t)sleep_window_end)
		f->rip = (u64)(uintptr_t)sleep_window_end;
}

/* A #GP of an instruction that was allowed to fail (safe_msr.asm): go on where it returns its error. */
static bool expected_fault(struct trap_frame *f)
{
	const u8 *rip = phys_to_virt(f->rip);

	if (f->vector != X86_VEC_GP)
		return false;
	if (rip == rdmsr_safe_at || rip == wrmsr_safe_at)
		f->rip = (u64)(uintptr_t)safe_fault;
	else if (rip == xsetbv_safe_at)
		f->rip = (u64)(uintptr_t)safe_fault_xsetbv;
	else
		return false;
	return true;
}

void trap_handle(struct trap_frame *frame)
{
	if (expected_fault(frame))
		return;
	switch (frame->vector) {
	case X86_VEC_NMI:
		lockcheck_nmi(true);
		nmi_arrived[arch_cpu_index()] = true;
		do_not_sleep(frame);
		lockcheck_nmi(false);
		return;
	case X86_VEC_MC:
		if (mce_log_and_classify())
			return;
		break;
	default:
		break;
	}
	panic_begin(); /* the dump is part of it */
	dump(frame);
	panic_end("exception %llu in Fairlead", (unsigned long long)frame->vector);
}
