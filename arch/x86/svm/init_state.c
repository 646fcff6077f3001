/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest CPU after INIT, and at the start-up interrupt (AMD64 APM vol. 2, table 14-1 and 14.1.3, 15.26.1). It guards that nothing of
 * what the CPU did before is left in its control block: no event on its way, no shadow, no translation.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/nmi.h"
#include "arch/x86/svm/svm.h"

#define X86_CR0_ET BIT(4)
#define RFLAGS_RESET 2u /* bit 1 is always set */
#define REAL_MODE_LIMIT 0xffffu
#define ATTRIBUTES_CODE 0x9bu /* present, read/execute, accessed */
#define ATTRIBUTES_DATA 0x93u /* present, read/write, accessed */
#define ATTRIBUTES_LDT 0x82u
#define ATTRIBUTES_TSS 0x8bu /* busy */
#define DR6_RESET 0xffff0ff0u
#define DR7_RESET 0x400u

void svm_init_vcpu(struct vcpu *v)
{
	static const struct vcpu_segment data = { .limit = REAL_MODE_LIMIT, .attributes = ATTRIBUTES_DATA };

	for (unsigned int i = 0; i < X86_REGS; i++)
		v->reg[i] = 0;
	v->reg[REG_RDX] = cpuid(1, 0).eax; /* family, model, stepping */
	v->rflags = RFLAGS_RESET;
	/* CD and NW keep their values over INIT (table 14-1), and the guest's CPU runs with caches. */
	v->cr0 = X86_CR0_ET;
	v->cr2 = v->cr3 = v->cr4 = v->efer = 0;
	v->cpl = 0;
	for (unsigned int i = 0; i < X86_SEGS; i++)
		v->seg[i] = data;
	v->gdtr = (struct vcpu_segment){ .limit = REAL_MODE_LIMIT };
	v->exception = (struct vcpu_exception){ 0 };
	v->shutdown = v->retired = v->cr2_changed = false;
	nmi_reset(v);
}

void svm_startup_vcpu(struct vcpu *v, u8 vector)
{
	v->seg[SEG_CS] = (struct vcpu_segment){ (u64)vector << 12, REAL_MODE_LIMIT, (u16)(vector << 8), ATTRIBUTES_CODE };
	v->rip = 0;
}

static void store_segment(struct vmcb_segment *to, const struct vcpu_segment *from)
{
	*to = (struct vmcb_segment){ from->selector, from->attributes, from->limit, from->base };
}

void svm_store_first_state(const struct vcpu *v, struct vmcb *vmcb)
{
	struct vmcb_save *s = &vmcb->save;
	struct vmcb_control *c = &vmcb->control;

	s->cr0 = v->cr0;
	s->cr3 = v->cr3;
	s->cr4 = v->cr4;
	s->cpl = v->cpl;
	s->dr6 = DR6_RESET;
	s->dr7 = DR7_RESET;
	store_segment(&s->es, &v->seg[SEG_ES]);
	store_segment(&s->cs, &v->seg[SEG_CS]);
	store_segment(&s->ss, &v->seg[SEG_SS]);
	store_segment(&s->ds, &v->seg[SEG_DS]);
	store_segment(&s->fs, &v->seg[SEG_FS]);
	store_segment(&s->gs, &v->seg[SEG_GS]);
	store_segment(&s->gdtr, &v->gdtr);
	s->idtr = (struct vmcb_segment){ .limit = v->efer ? 0 : REAL_MODE_LIMIT }; /* the boot CPU's kernel has none yet */
	s->ldtr = (struct vmcb_segment){ .attributes = ATTRIBUTES_LDT, .limit = REAL_MODE_LIMIT };
	s->tr = (struct vmcb_segment){ .attributes = ATTRIBUTES_TSS, .limit = REAL_MODE_LIMIT };
	c->exit_interrupt_info = c->event_injection = 0;
	c->interrupt_shadow = 0;
	c->intercept_1 &= ~(SVM_INTERCEPT_1_IRET | SVM_INTERCEPT_1_HLT); /* an NMI that was handled; a wake that was taken */
	c->tlb_control = SVM_TLB_FLUSH_ALL;
	clear_debug_addresses(); /* not in the VMCB: they are the CPU's, which is the guest's */
}
