/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the next entry injects. It guards that an event whose delivery an exit interrupted reaches the guest exactly once: neither
 * lost, nor delivered on top of the exception that its own delivery raised.
 */
#include "arch/x86/nmi.h"
#include "arch/x86/svm/svm.h"
#include "arch/x86/vcpu_request.h"
#include "core/trace.h"

/*
 * An event that was on its way into the guest when the exit came (APM vol. 2, 15.7.2). INT n, INT3 and INTO are not kept: RIP still
 * points at the instruction, which will simply run again.
 */
static u64 interrupted_event(const struct vmcb_control *c)
{
	u64 event = c->exit_interrupt_info;
	unsigned int type = SVM_EVENT_TYPE(event);
	u8 vector = SVM_EVENT_VECTOR(event);

	if (!(event & SVM_EVENT_VALID) || type == SVM_EVENT_SOFTWARE)
		return 0;
	if (type == SVM_EVENT_EXCEPTION && (vector == X86_VEC_BP || vector == X86_VEC_OF))
		return 0;
	return event;
}

/* Chooses what the next entry injects: the handler's exception, else the interrupted event, else a waiting NMI. */
void svm_choose_event(struct vcpu *v, struct vmcb *vmcb)
{
	struct vcpu_exception *e = &v->exception;
	u64 event = interrupted_event(&vmcb->control);

	if (e->pending) {
		event = SVM_EVENT(SVM_EVENT_EXCEPTION, e->vector);
		if (e->has_error_code)
			event |= SVM_EVENT_ERROR(e->error_code);
		e->pending = false;
		count_event(COUNT_INJECTED_EXCEPTION);
		trace(TRACE_INJECT, e->vector, 0, 0, e->has_error_code ? e->error_code : 0);
	} else if (!event && nmi_take(v)) {
		event = SVM_EVENT(SVM_EVENT_NMI, X86_VEC_NMI);
		count_event(COUNT_INJECTED_NMI);
		trace(TRACE_INJECT, X86_VEC_NMI, 0, 0, 0);
	}
	vmcb->control.event_injection = event;
	if (v->nmi_blocked)
		vmcb->control.intercept_1 |= SVM_INTERCEPT_1_IRET;
	else
		vmcb->control.intercept_1 &= ~SVM_INTERCEPT_1_IRET;
	if (vcpu_take_wake())
		vmcb->control.intercept_1 |= SVM_INTERCEPT_1_HLT; /* until there was one */
}
