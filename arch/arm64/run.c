/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's life (run.h). The order before an entry matters: what other CPUs want is looked at with interrupts masked, so a kick that
 * comes later is pending when the guest is entered, and ends that entry at once.
 */
#include "arch/arm64/run.h"

#include "arch/arm64/cpu.h"
#include "arch/arm64/cpus.h"
#include "arch/arm64/el1.h"
#include "arch/arm64/exit_reason.h"
#include "arch/arm64/guest_mem.h"
#include "arch/arm64/paging.h"
#include "arch/arm64/timer.h"
#include "arch/arm64/vgic.h"
#include "core/lockcheck.h"
#include "core/rendezvous.h"
#include "core/stop.h"
#include "core/string.h"
#include "core/trace.h"
#include "core/vm.h"
#include "core/work.h"

/* Arm ARM D19.2.118 SCTLR_EL1: the bits that are one on an Armv8.0 CPU: MMU and caches off, little-endian. */
#define SCTLR_EL1_RESET (BIT(11) | BIT(20) | BIT(22) | BIT(23) | BIT(28) | BIT(29))

static bool off_wanted[CPUS_MAX]; /* each CPU's own */

void vcpu_wants_off(struct vcpu *v)
{
	off_wanted[v->index] = true;
}

void vcpu_reset(struct vcpu *v, u64 entry, u64 context)
{
	memset(v->x, 0, sizeof(v->x));
	v->x[0] = context;
	v->pc = entry;
	v->pstate = PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F | PSTATE_MODE_EL1H;
	el1_write(EL1_SCTLR, SCTLR_EL1_RESET);
	el1_write(EL1_CPACR, 0);
	el1_write(EL1_TCR, 0);
	el1_write(EL1_VBAR, 0);
	el1_write(EL1_MDSCR, 0);
	el1_write(EL1_CNTKCTL, 0);
	el1_write(EL1_CNTV_CTL, 0);
	el1_write(EL1_CNTP_CTL, 0);
}

/* Off, until another CPU starts it; what Fairlead has for this CPU goes on. */
static struct cpu_start wait_until_on(struct vcpu *v)
{
	struct cpu_start start;

	for (;;) {
		rendezvous_work(); /* before what interrupts do: this CPU has not come from an exit */
		vgic_take_interrupts(v);
		stop_if_wanted();
		exit_tail();
		lockcheck_vm_entry();
		if (cpu_take_on(v->index, &start))
			return start;
		if (!work_pending())
			cpu_wait();
	}
}

static void start_guest_cpu(struct vcpu *v)
{
	struct cpu_start start;

	/*
	 * Off, it has no interrupts of the guest's: one that is still in a list register would end each WFI at once, as QEMU has it, and
	 * the CPU would spin.
	 */
	el1_write(EL1_CNTV_CTL, 0);
	el1_write(EL1_CNTP_CTL, 0);
	vgic_start_cpu(v);
	start = wait_until_on(v);
	vgic_start_cpu(v);
	vcpu_reset(v, start.entry, start.context);
}

static enum exit_kind enter_guest(struct vcpu *v)
{
	enum exit_kind kind;

	lockcheck_vm_entry();
	vgic_enter(v);
	if (shootdown_enter(&guest.shootdown))
		stage2_flush_cpu();
	kind = guest_enter(v);
	guest_access_end(); /* PAN is the guest's still: an exception sets it with HCR_EL2.TGE only (SCTLR_EL2.SPAN) */
	shootdown_exit(&guest.shootdown);
	vgic_leave(v);
	return kind;
}

void vcpu_run(struct vcpu *v)
{
	enum exit_kind kind;

	if (v->index)
		start_guest_cpu(v);
	exit_tail(); /* what boot has left */
	for (;;) {
		enum arm64_exit reason;
		u64 began, pc;

		if (off_wanted[v->index]) {
			off_wanted[v->index] = false;
			start_guest_cpu(v);
		}
		stop_if_wanted();
		kind = enter_guest(v);
		reason = arm64_exit_reason(v->esr, kind);
		count_exit(reason);
		began = trace_begin(TRACE_CLASS_EXIT);
		pc = v->pc;
		exit_handle(v, kind);
		exit_tail();
		trace_since(TRACE_EXIT, began, (u16)reason, pc, kind == EXIT_SYNC ? (u32)v->esr : 0);
	}
}
