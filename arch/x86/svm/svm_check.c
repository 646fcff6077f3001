/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Can this CPU run a guest in SVM with nested paging? Asked before anything is changed, so that "no" is an answer to a user.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/svm/svm.h"
#include "core/errno.h"
#include "core/log.h"

/* APM vol. 3, E.4.2 and E.4.9 */
#define CPUID_EXT_MAX 0x80000000u
#define CPUID_EXT_FEATURES 0x80000001u
#define CPUID_EXT_ECX_SVM BIT32(2)
#define CPUID_SVM 0x8000000au
#define CPUID_SVM_EDX_NP BIT32(0)
/* APM vol. 2, 15.30 */
#define MSR_VM_CR 0xc0010114u
#define VM_CR_SVMDIS BIT(4)

int svm_check(char *error, size_t size)
{
	if (cpuid(CPUID_EXT_MAX, 0).eax < CPUID_EXT_FEATURES || !(cpuid(CPUID_EXT_FEATURES, 0).ecx & CPUID_EXT_ECX_SVM)) {
		fl_snprintf(error, size, "this CPU has no SVM (AMD-V), which this version of Fairlead needs; "
			    "use an AMD CPU (QEMU: -cpu EPYC)");
		return -EOPNOTSUPP;
	}
	if (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) {
		fl_snprintf(error, size, "SVM is disabled by the firmware (VM_CR.SVMDIS); switch SVM (AMD-V) on in the firmware setup");
		return -EOPNOTSUPP;
	}
	if (cpuid(CPUID_EXT_MAX, 0).eax < CPUID_SVM || !(cpuid(CPUID_SVM, 0).edx & CPUID_SVM_EDX_NP)) {
		fl_snprintf(error, size, "this CPU's SVM has no nested paging, without which guest memory cannot be bounded");
		return -EOPNOTSUPP;
	}
	return 0;
}
