/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of the VMCB, one a CPU: what is intercepted, how the guest CPU's registers travel between it and struct vcpu, and the
 * loop in which a CPU spends its life: in the guest, in a handler, or waiting for the guest to start it.
 */
#include "arch/x86/svm/svm.h"

#include "arch/x86/cpu.h"
#include "arch/x86/cpus.h"
#include "arch/x86/lapic.h"
#include "arch/x86/msr.h"
#include "arch/x86/nmi.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "arch/x86/vcpu_request.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/pages.h"
#include "core/stop.h"
#include "core/trace.h"
#include "core/vm.h"
#include "core/work.h"

/* APM vol. 2, 15.30 */
#define MSR_VM_HSAVE_PA 0xc0010117u
#define MSR_EFER 0xc0000080u
#define EFER_SVME BIT(12)
#define MSR_PAT 0x277u
#define DR6_BS BIT(14) /* APM vol. 2, 13.1.1.3 */

#define GUEST_ASID 1
#define MSR_BITMAP_PAGES 2

/* Each CPU's own. */
static struct svm_cpu {
	struct vmcb *guest;
	struct vmcb *host; /* what VMLOAD brings back: our FS, GS, TR, LDTR */
} svm_cpus[CPUS_MAX];
static u8 *msr_bitmap; /* all CPUs' */

static void set_intercepts(struct vmcb_control *c)
{
	c->intercept_exceptions = BIT32(X86_VEC_MC);
	c->intercept_1 = SVM_INTERCEPT_1_NMI | SVM_INTERCEPT_1_INIT | SVM_INTERCEPT_1_CPUID | SVM_INTERCEPT_1_INVD |
			 SVM_INTERCEPT_1_INVLPGA | SVM_INTERCEPT_1_IOIO | SVM_INTERCEPT_1_MSR | SVM_INTERCEPT_1_SHUTDOWN;
	c->intercept_2 = SVM_INTERCEPT_2_VMRUN | SVM_INTERCEPT_2_VMMCALL | SVM_INTERCEPT_2_VMLOAD | SVM_INTERCEPT_2_VMSAVE |
			 SVM_INTERCEPT_2_STGI | SVM_INTERCEPT_2_CLGI | SVM_INTERCEPT_2_SKINIT | SVM_INTERCEPT_2_XSETBV;
}

static struct vmcb *make_vmcb(void)
{
	struct vmcb *vmcb = page_alloc();

	if (!vmcb)
		return NULL;
	set_intercepts(&vmcb->control);
	vmcb->control.io_permission_map = virt_to_phys(pio_bitmap);
	vmcb->control.msr_permission_map = virt_to_phys(msr_bitmap);
	vmcb->control.asid = GUEST_ASID;
	vmcb->control.nested_enable = SVM_NESTED_ENABLE;
	vmcb->control.nested_cr3 = virt_to_phys(guest.stage2.root);
	return vmcb;
}

int svm_init(void)
{
	msr_bitmap = pages_alloc_contig(MSR_BITMAP_PAGES, PAGE_SIZE);
	if (!msr_bitmap)
		return -ENOMEM;
	msr_bitmap_fill(msr_bitmap);
	x86_name_exits();
	return 0;
}

int svm_start(struct vcpu *v)
{
	struct svm_cpu *cpu = &svm_cpus[v->index];
	void *host_save = page_alloc();

	cpu->guest = make_vmcb();
	cpu->host = page_alloc();
	if (!host_save || !cpu->guest || !cpu->host)
		return -ENOMEM;
	v->pat = rdmsr(MSR_PAT);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, virt_to_phys(host_save));
	__asm__ volatile("clgi" : : : "memory");
	__asm__ volatile("vmsave %0" : : "a"(virt_to_phys(cpu->host)) : "memory");
	return 0;
}

static void load_segment(struct vcpu_segment *to, const struct vmcb_segment *from)
{
	*to = (struct vcpu_segment){ from->base, from->limit, from->selector, from->attributes };
}

/* VMCB -> vcpu, after an exit. */
static void load_vcpu(struct vcpu *v, const struct vmcb_save *s)
{
	v->reg[REG_RAX] = s->rax;
	v->reg[REG_RSP] = s->rsp;
	v->rip = s->rip;
	v->rflags = s->rflags;
	v->cr0 = s->cr0;
	v->cr2 = s->cr2;
	v->cr3 = s->cr3;
	v->cr4 = s->cr4;
	v->efer = s->efer & ~EFER_SVME;
	v->cpl = s->cpl;
	load_segment(&v->seg[SEG_ES], &s->es);
	load_segment(&v->seg[SEG_CS], &s->cs);
	load_segment(&v->seg[SEG_SS], &s->ss);
	load_segment(&v->seg[SEG_DS], &s->ds);
	load_segment(&v->seg[SEG_FS], &s->fs);
	load_segment(&v->seg[SEG_GS], &s->gs);
}

/* vcpu -> VMCB, before an entry: what handlers may change. */
static void store_vcpu(const struct vcpu *v, struct vmcb *vmcb)
{
	struct vmcb_save *s = &vmcb->save;

	s->rax = v->reg[REG_RAX];
	s->rsp = v->reg[REG_RSP];
	s->rip = v->rip;
	s->rflags = v->rflags;
	s->cr2 = v->cr2;
	s->pat = v->pat;
	if (s->efer != (v->efer | EFER_SVME)) {
		s->efer = v->efer | EFER_SVME;
		vmcb->control.tlb_control = SVM_TLB_FLUSH_ALL; /* NXE changes what cached translations mean */
	}
}

/*
 * What hardware does behind an instruction: the shadow of STI or MOV SS ends, and a single step is reported
 * (APM vol. 2, 13.1.4).
 */
static void finish_instruction(struct vcpu *v, struct vmcb *vmcb)
{
	vmcb->control.interrupt_shadow &= ~SVM_INTERRUPT_SHADOW;
	if ((v->rflags & X86_RFLAGS_TF) && !v->exception.pending) {
		vmcb->save.dr6 |= DR6_BS;
		vcpu_raise(v, X86_VEC_DB);
	}
}

/* Else the guest may exit again before an NMI that waits is taken. */
static bool nmi_comes_first(const struct vcpu *v, const struct vmcb_control *c)
{
	return !c->event_injection && !v->nmi_blocked && !v->nmi_iret_to_run && !(c->interrupt_shadow & SVM_INTERRUPT_SHADOW);
}

/*
 * From the look at the generation on, a shoot-down is an NMI that is held (GIF is 0) until the guest runs,
 * and makes it exit at once.
 */
static void enter_guest(struct vcpu *v, const struct svm_cpu *cpu)
{
	struct vmcb_control *c = &cpu->guest->control;

	lockcheck_vm_entry();
	nmi_entry(nmi_comes_first(v, c));
	if (shootdown_enter(&guest.shootdown))
		c->tlb_control = SVM_TLB_FLUSH_ALL;
	svm_enter(v, virt_to_phys(cpu->guest), virt_to_phys(cpu->host));
	shootdown_exit(&guest.shootdown);
	c->tlb_control = 0;
}

/* What the handlers may change before the exit's end is recorded. */
struct traced_exit {
	u64 began; /* 0: exits are not traced */
	u64 rip;
	u16 reason;
	u32 detail;
};

static struct traced_exit count_and_trace(const struct vcpu *v, const struct vmcb_control *c)
{
	enum x86_exit reason = svm_exit_reason(c);
	struct traced_exit exit = { .began = trace_begin(TRACE_CLASS_EXIT) };

	count_exit(reason);
	if (exit.began) {
		exit.rip = v->rip;
		exit.reason = (u16)reason;
		exit.detail = svm_exit_detail(c, v);
	}
	return exit;
}

/*
 * Until the guest's start-up interrupt; its vector. A kick is taken note of first, then what it may have been for is looked at; the reset
 * of the local APIC may swallow one, so after that everything is looked at, too. So none is overlooked.
 */
static u8 wait_for_startup(struct vcpu *v, struct vcpu_requests asked)
{
	for (;;) {
		if (asked.init) {
			lapic_reset();
			nmi_reset(v);
		}
		stop_if_wanted();
		exit_tail();
		lockcheck_vm_entry();
		if (asked.startup)
			return asked.vector;
		if (!vcpu_requested() && !work_pending())
			sleep_window();
		nmi_while_waiting();
		asked = vcpu_take_requests();
	}
}

/* A start-up interrupt that came with an INIT is this one's: marked again, it would come after an INIT that was marked meanwhile. */
static void wait_and_start(struct vcpu *v, const struct svm_cpu *cpu, struct vcpu_requests asked)
{
	x86_cpu_set_waiting(v->index, true);
	svm_init_vcpu(v);
	svm_startup_vcpu(v, wait_for_startup(v, asked));
	x86_cpu_set_waiting(v->index, false);
	svm_store_first_state(v, cpu->guest);
}

/*
 * What other CPUs of the guest want of this one. What they want later comes with an NMI, which ends the next entry; but for one that came
 * while this CPU waited. A start-up interrupt alone counts only for a CPU that waits: however many come, they keep nobody here.
 */
static void follow_requests(struct vcpu *v, const struct svm_cpu *cpu)
{
	struct vcpu_requests asked;

	while ((asked = vcpu_take_requests()).init)
		wait_and_start(v, cpu, asked);
}

void svm_run(struct vcpu *v)
{
	const struct svm_cpu *cpu = &svm_cpus[v->index];
	struct vmcb *vmcb = cpu->guest;
	struct traced_exit exit;

	if (v->index == 0)
		svm_store_first_state(v, vmcb);
	else
		wait_and_start(v, cpu, (struct vcpu_requests){ 0 });
	exit_tail(); /* what boot has left */
	for (;;) {
		if (vcpu_requested())
			follow_requests(v, cpu);
		stop_if_wanted();
		/* After the requests: the kick that came with an NMI may have been taken while this CPU waited. */
		svm_choose_event(v, vmcb);
		store_vcpu(v, vmcb);
		enter_guest(v, cpu);
		load_vcpu(v, &vmcb->save);
		exit = count_and_trace(v, &vmcb->control);

		v->retired = false;
		svm_handle_exit(v, vmcb);
		if (v->retired)
			finish_instruction(v, vmcb);
		if (v->shutdown)
			machine_reset("guest triple fault");
		exit_tail();
		trace_since(TRACE_EXIT, exit.began, exit.reason, exit.rip, exit.detail);
	}
}
