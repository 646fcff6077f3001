/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine control block (AMD64 APM vol. 2, rev. 3.41, appendix B) and the codes that go with it (appendix C, 15.20, 15.16).
 */
#ifndef ARCH_X86_SVM_VMCB_H
#define ARCH_X86_SVM_VMCB_H

#include "core/types.h"

/* APM vol. 2, table B-1. */
struct vmcb_control {
	u16 intercept_cr_reads, intercept_cr_writes;
	u16 intercept_dr_reads, intercept_dr_writes;
	u32 intercept_exceptions; /* one bit a vector */
	u32 intercept_1;	  /* SVM_INTERCEPT_1_* */
	u32 intercept_2;	  /* SVM_INTERCEPT_2_* */
	u32 intercept_3;
	u8 reserved_018[0x3c - 0x18];
	u16 pause_filter_threshold, pause_filter_count;
	u64 io_permission_map;	/* physical address, 12 KiB */
	u64 msr_permission_map; /* physical address, 8 KiB */
	u64 tsc_offset;
	u32 asid;
	u8 tlb_control;
	u8 reserved_05d[3];
	u64 interrupt_control;
	u64 interrupt_shadow;
	u64 exit_code;
	u64 exit_info_1, exit_info_2;
	u64 exit_interrupt_info;
	u64 nested_enable;
	u64 avic_apic_bar;
	u64 ghcb;
	u64 event_injection;
	u64 nested_cr3;
	u64 lbr_enable;
	u32 clean_bits;
	u32 reserved_0c4;
	u64 next_rip;
	u8 fetched_bytes;
	u8 instruction[15];
	u8 reserved_0e0[0x400 - 0xe0];
};
static_assert(offsetof(struct vmcb_control, io_permission_map) == 0x40, "VMCB IOPM_BASE_PA");
static_assert(offsetof(struct vmcb_control, tlb_control) == 0x5c, "VMCB TLB_CONTROL");
static_assert(offsetof(struct vmcb_control, exit_code) == 0x70, "VMCB EXITCODE");
static_assert(offsetof(struct vmcb_control, nested_enable) == 0x90, "VMCB NP_ENABLE");
static_assert(offsetof(struct vmcb_control, event_injection) == 0xa8, "VMCB EVENTINJ");
static_assert(offsetof(struct vmcb_control, nested_cr3) == 0xb0, "VMCB N_CR3");
static_assert(sizeof(struct vmcb_control) == 0x400, "VMCB control area");

struct vmcb_segment {
	u16 selector;
	u16 attributes;
	u32 limit;
	u64 base;
};

/* APM vol. 2, table B-2. */
struct vmcb_save {
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_0a0[0xcb - 0xa0];
	u8 cpl;
	u32 reserved_0cc;
	u64 efer;
	u8 reserved_0d8[0x148 - 0xd8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_180[0x1d8 - 0x180];
	u64 rsp;
	u8 reserved_1e0[0x1f8 - 0x1e0];
	u64 rax;
	u64 star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 reserved_248[0x268 - 0x248];
	u64 pat;
	u64 debug_control;
	u8 reserved_278[0xc00 - 0x278];
};
static_assert(offsetof(struct vmcb_save, cpl) == 0xcb, "VMCB CPL");
static_assert(offsetof(struct vmcb_save, efer) == 0xd0, "VMCB EFER");
static_assert(offsetof(struct vmcb_save, cr4) == 0x148, "VMCB CR4");
static_assert(offsetof(struct vmcb_save, rip) == 0x178, "VMCB RIP");
static_assert(offsetof(struct vmcb_save, rsp) == 0x1d8, "VMCB RSP");
static_assert(offsetof(struct vmcb_save, rax) == 0x1f8, "VMCB RAX");
static_assert(offsetof(struct vmcb_save, cr2) == 0x240, "VMCB CR2");
static_assert(offsetof(struct vmcb_save, pat) == 0x268, "VMCB G_PAT");

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
} ALIGNED(4096);
static_assert(sizeof(struct vmcb) == 4096, "VMCB size");

/* intercept_1, offset 0x0c */
#define SVM_INTERCEPT_1_NMI BIT32(1)
#define SVM_INTERCEPT_1_INIT BIT32(3)
#define SVM_INTERCEPT_1_CPUID BIT32(18)
#define SVM_INTERCEPT_1_IRET BIT32(20)
#define SVM_INTERCEPT_1_INVD BIT32(22)
#define SVM_INTERCEPT_1_HLT BIT32(24)
#define SVM_INTERCEPT_1_INVLPGA BIT32(26)
#define SVM_INTERCEPT_1_IOIO BIT32(27)
#define SVM_INTERCEPT_1_MSR BIT32(28)
#define SVM_INTERCEPT_1_SHUTDOWN BIT32(31)
/* intercept_2, offset 0x10 */
#define SVM_INTERCEPT_2_VMRUN BIT32(0)
#define SVM_INTERCEPT_2_VMMCALL BIT32(1)
#define SVM_INTERCEPT_2_VMLOAD BIT32(2)
#define SVM_INTERCEPT_2_VMSAVE BIT32(3)
#define SVM_INTERCEPT_2_STGI BIT32(4)
#define SVM_INTERCEPT_2_CLGI BIT32(5)
#define SVM_INTERCEPT_2_SKINIT BIT32(6)
#define SVM_INTERCEPT_2_XSETBV BIT32(13)

#define SVM_TLB_FLUSH_ALL 1 /* 15.16.2 */
#define SVM_INTERRUPT_SHADOW BIT(0)
#define SVM_NESTED_ENABLE BIT(0)

/* EVENTINJ and EXITINTINFO, 15.20 and 15.7.2 */
#define SVM_EVENT_VECTOR(e) ((u8)(e))
#define SVM_EVENT_TYPE(e) ((unsigned int)((e) >> 8) & 7)
#define SVM_EVENT_INTERRUPT 0u
#define SVM_EVENT_NMI 2u
#define SVM_EVENT_EXCEPTION 3u
#define SVM_EVENT_SOFTWARE 4u
#define SVM_EVENT_ERROR_VALID BIT(11)
#define SVM_EVENT_VALID BIT(31)
#define SVM_EVENT(type, vector) (SVM_EVENT_VALID | (u64)(type) << 8 | (u64)(vector))
#define SVM_EVENT_ERROR(code) (SVM_EVENT_ERROR_VALID | (u64)(code) << 32)

/* Exit codes, appendix C */
#define SVM_EXIT_EXCEPTION(vector) (0x40u + (vector))
#define SVM_EXIT_NMI 0x61u
#define SVM_EXIT_INIT 0x63u
#define SVM_EXIT_CPUID 0x72u
#define SVM_EXIT_IRET 0x74u
#define SVM_EXIT_INVD 0x76u
#define SVM_EXIT_HLT 0x78u
#define SVM_EXIT_INVLPGA 0x7au
#define SVM_EXIT_IOIO 0x7bu
#define SVM_EXIT_MSR 0x7cu
#define SVM_EXIT_SHUTDOWN 0x7fu
#define SVM_EXIT_VMRUN 0x80u
#define SVM_EXIT_VMMCALL 0x81u
#define SVM_EXIT_VMLOAD 0x82u
#define SVM_EXIT_VMSAVE 0x83u
#define SVM_EXIT_STGI 0x84u
#define SVM_EXIT_CLGI 0x85u
#define SVM_EXIT_SKINIT 0x86u
#define SVM_EXIT_XSETBV 0x8du
#define SVM_EXIT_NPF 0x400u
#define SVM_EXIT_INVALID (~(u64)0)

/* EXITINFO1 of IOIO, 15.10.2 */
#define SVM_IOIO_IN BIT(0)
#define SVM_IOIO_STRING BIT(2)
#define SVM_IOIO_REP BIT(3)
#define SVM_IOIO_SIZE(info) ((unsigned int)((info) >> 4) & 7)	 /* one of 1, 2, 4 */
#define SVM_IOIO_ADDRESS(info) ((unsigned int)((info) >> 7) & 7) /* one of 1, 2, 4: 16, 32, 64 bits */
#define SVM_IOIO_SEGMENT(info) ((unsigned int)((info) >> 10) & 7)
#define SVM_IOIO_PORT(info) ((u16)((info) >> 16))

/* EXITINFO1 of MSR, 15.11 */
#define SVM_MSR_WRITE BIT(0)

/* EXITINFO1 of a nested page fault, 15.25.6 */
#define SVM_NPF_WRITE BIT(1)
#define SVM_NPF_FETCH BIT(4)
#define SVM_NPF_IN_GUEST_WALK BIT(33)

#endif
