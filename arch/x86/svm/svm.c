/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of the VMCB: what is intercepted, how the guest CPU's registers travel between it and struct
 * vcpu, which event is injected at an entry. It guards that an event whose delivery an exit interrupted is
 * delivered again, exactly once.
 */
#include "arch/x86/svm/svm.h"

#include "arch/x86/cpu.h"
#include "arch/x86/msr.h"
#include "arch/x86/nmi.h"
#include "arch/x86/pio.h"
#include "arch/x86/platform.h"
#include "core/errno.h"
#include "core/lockcheck.h"
#include "core/pages.h"
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

static struct vmcb *guest_vmcb;
static struct vmcb *host_vmcb; /* what VMLOAD brings back: our FS, GS, TR, LDTR */

static void set_intercepts(struct vmcb_control *c)
{
	c->intercept_exceptions = BIT32(X86_VEC_MC);
	c->intercept_1 = SVM_INTERCEPT_1_NMI | SVM_INTERCEPT_1_INIT | SVM_INTERCEPT_1_CPUID | SVM_INTERCEPT_1_INVD |
			 SVM_INTERCEPT_1_INVLPGA | SVM_INTERCEPT_1_IOIO | SVM_INTERCEPT_1_MSR | SVM_INTERCEPT_1_SHUTDOWN;
	c->intercept_2 = SVM_INTERCEPT_2_VMRUN | SVM_INTERCEPT_2_VMMCALL | SVM_INTERCEPT_2_VMLOAD | SVM_INTERCEPT_2_VMSAVE |
			 SVM_INTERCEPT_2_STGI | SVM_INTERCEPT_2_CLGI | SVM_INTERCEPT_2_SKINIT | SVM_INTERCEPT_2_XSETBV;
}

int svm_start(struct vcpu *v)
{
	u8 *msr_bitmap = pages_alloc_contig(MSR_BITMAP_PAGES, PAGE_SIZE);
	void *host_save = page_alloc();

	guest_vmcb = page_alloc();
	host_vmcb = page_alloc();
	if (!msr_bitmap || !host_save || !guest_vmcb || !host_vmcb)
		return -ENOMEM;

	msr_bitmap_fill(msr_bitmap);
	set_intercepts(&guest_vmcb->control);
	guest_vmcb->control.io_permission_map = virt_to_phys(pio_bitmap);
	guest_vmcb->control.msr_permission_map = virt_to_phys(msr_bitmap);
	guest_vmcb->control.asid = GUEST_ASID;
	guest_vmcb->control.tlb_control = SVM_TLB_FLUSH_ALL;
	guest_vmcb->control.nested_enable = SVM_NESTED_ENABLE;
	guest_vmcb->control.nested_cr3 = virt_to_phys(guest.stage2.root);
	guest_vmcb->save.dr6 = 0xffff0ff0; /* reset values, APM vol. 2, table 14-1 */
	guest_vmcb->save.dr7 = 0x400;
	v->pat = rdmsr(MSR_PAT);
	x86_name_exits();

	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, virt_to_phys(host_save));
	__asm__ volatile("clgi" : : : "memory");
	__asm__ volatile("vmsave %0" : : "a"(virt_to_phys(host_vmcb)) : "memory");
	return 0;
}

static void load_segment(struct vcpu_segment *to, const struct vmcb_segment *from)
{
	*to = (struct vcpu_segment){ from->base, from->limit, from->selector, from->attributes };
}

static void store_segment(struct vmcb_segment *to, const struct vcpu_segment *from)
{
	*to = (struct vmcb_segment){ from->selector, from->attributes, from->limit, from->base };
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

/* The first entry also takes what only the boot code sets. */
static void store_boot_state(const struct vcpu *v, struct vmcb *vmcb)
{
	struct vmcb_save *s = &vmcb->save;

	s->cr0 = v->cr0;
	s->cr3 = v->cr3;
	s->cr4 = v->cr4;
	s->cpl = v->cpl;
	store_segment(&s->es, &v->seg[SEG_ES]);
	store_segment(&s->cs, &v->seg[SEG_CS]);
	store_segment(&s->ss, &v->seg[SEG_SS]);
	store_segment(&s->ds, &v->seg[SEG_DS]);
	store_segment(&s->fs, &v->seg[SEG_FS]);
	store_segment(&s->gs, &v->seg[SEG_GS]);
	store_segment(&s->gdtr, &v->gdtr);
	/* An empty IDT, and a busy TSS as long mode wants one. */
	s->tr = (struct vmcb_segment){ .attributes = 0x8b, .limit = 0xffff };
	s->ldtr = (struct vmcb_segment){ .attributes = 0x82, .limit = 0xffff };
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
static bool nmi_comes_first(const struct vcpu *v)
{
	return !guest_vmcb->control.event_injection && !v->nmi_blocked && !v->nmi_iret_to_run &&
	       !(guest_vmcb->control.interrupt_shadow & SVM_INTERRUPT_SHADOW);
}

/*
 * From the look at the generation on, a shoot-down is an NMI that is held (GIF is 0) until the guest runs,
 * and makes it exit at once.
 */
static void enter_guest(struct vcpu *v)
{
	lockcheck_vm_entry();
	nmi_entry(nmi_comes_first(v));
	if (shootdown_enter(&guest.shootdown))
		guest_vmcb->control.tlb_control = SVM_TLB_FLUSH_ALL;
	svm_enter(v, virt_to_phys(guest_vmcb), virt_to_phys(host_vmcb));
	shootdown_exit(&guest.shootdown);
	guest_vmcb->control.tlb_control = 0;
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

void svm_run(struct vcpu *v)
{
	struct traced_exit exit;

	store_boot_state(v, guest_vmcb);
	exit_tail(); /* what boot has left */
	for (;;) {
		store_vcpu(v, guest_vmcb);
		enter_guest(v);
		load_vcpu(v, &guest_vmcb->save);
		exit = count_and_trace(v, &guest_vmcb->control);

		v->retired = false;
		svm_handle_exit(v, guest_vmcb);
		if (v->retired)
			finish_instruction(v, guest_vmcb);
		if (v->shutdown)
			machine_reset("guest triple fault");
		exit_tail();
		svm_choose_event(v, guest_vmcb);
		trace_since(TRACE_EXIT, exit.began, exit.reason, exit.rip, exit.detail);
	}
}
