/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage 2 aborts of the guest: an access to what the guest's second-stage table does not have is emulated;
 * where that cannot be, the guest gets the exception that the machine would give it. What this guards: the
 * syndrome, the address registers and above all the instruction are the guest's words, which other CPUs of it
 * may change meanwhile. Whatever they say, the only effects are vm_mmio_access() at the address that hardware
 * has reported, and the guest's own registers.
 *
 * An access that the table allows now is tried again: somebody has mapped the page meanwhile, or it was cut
 * out of a large page just then (core/pagetable/pagetable.h, "Break before make").
 */
#include "arch/arm64/decode.h"
#include "arch/arm64/el1.h"
#include "arch/arm64/exits.h"
#include "arch/arm64/guest_mem.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/once.h"
#include "core/vm.h"

/*
 * Arm ARM (DDI 0487J) D19.2.37, ISS of a data abort; an instruction abort's has S1PTW and the fault status at
 * the same places.
 */
#define ISS_FSC(esr) ((unsigned int)(esr)&0x3f)
#define ISS_WNR	     BIT(6)
#define ISS_S1PTW    BIT(7)  /* an access of the guest's stage 1 walk */
#define ISS_CM	     BIT(8)  /* cache maintenance, address translation */
#define ISS_AR	     BIT(14) /* acquire or release */
#define ISS_SF	     BIT(15)
#define ISS_SRT(esr) ((unsigned int)((esr) >> 16) & 0x1f)
#define ISS_SSE	     BIT(21)
#define ISS_SAS(esr) ((unsigned int)((esr) >> 22) & 3)
#define ISS_ISV	     BIT(24) /* SF, SRT, SSE and SAS say what the access is */

/* HPFAR_EL2.FIPA, D19.2.60: bits 51:12 of the address */
#define HPFAR_FIPA GENMASK64(43, 4)

/* Byte order of data: D19.2.118 SCTLR_EL1 for A64; PSTATE.E, in SPSR_EL2, for A32 and T32. */
#define SCTLR_E0E BIT(24)
#define SCTLR_EE  BIT(25)
#define SPSR32_E  BIT(9)

#define OFFSET_IN_PAGE (PAGE_SIZE - 1)
#define VA_TAG	       GENMASK64(63, 56) /* may be anything where the guest has its top byte ignored */

#define LOGGED_ABORTS 16

enum fault {
	FAULT_UNMAPPED,	  /* of stage 2: translation, access flag, address size */
	FAULT_PERMISSION, /* of stage 2 */
	FAULT_EXTERNAL,	  /* of the machine: nobody answers there */
	FAULT_TLB_CONFLICT,
	FAULT_OTHER,
};

static enum fault fault_of(u64 esr)
{
	const unsigned int fsc = ISS_FSC(esr);

	switch (fsc >> 2) {
	case 0x0: /* address size; the low two bits are the level */
	case 0x1: /* translation */
	case 0x2: /* access flag */ return FAULT_UNMAPPED;
	case 0x3: return FAULT_PERMISSION;
	case 0x5: /* external abort on a table walk, */
	case 0x6: /* parity or ECC error, */
	case 0x7: /* the same on a walk */ return FAULT_EXTERNAL;
	default: break;
	}
	switch (fsc) {
	case 0x10:
	case 0x13: /* external abort on a walk, level -1 */ return FAULT_EXTERNAL;
	case 0x29: /* address size, level -1 */
	case 0x2b: /* translation, level -1 */ return FAULT_UNMAPPED;
	case 0x30: return FAULT_TLB_CONFLICT;
	default: return FAULT_OTHER;
	}
}

/* An abort that the guest gets, once for each page and kind on the log. */
static void abort_in_guest(struct vcpu *v, u64 address, bool instruction, const char *why)
{
	static once_place logged[LOGGED_ABORTS];

	if (once(logged, (address & PAGE_MASK) | (u64)instruction))
		log_info("guest: %s at 0x%llx: %s: external abort",
			 instruction ? "instruction" : "data access", (unsigned long long)address, why);
	vcpu_inject_external_abort(v, instruction);
}

/* ---- where ---- */

/*
 * The guest-physical address of the access. HPFAR_EL2 has it but for a permission fault of the access itself
 * (D19.2.60); then the guest's stage 1 is asked. -EFAULT: that has changed meanwhile.
 */
static int MUST_CHECK faulting_ipa(const struct vcpu *v, enum fault fault, gpa_t *ipa)
{
	if (fault == FAULT_PERMISSION && !(v->esr & ISS_S1PTW))
		return el1_translate_stage1(v->far, ipa);
	*ipa = (v->hpfar & HPFAR_FIPA) << 8;
	/* Of a walk, FAR_EL2 has the address that was to be translated, not the entry's. */
	if (!(v->esr & ISS_S1PTW))
		*ipa |= v->far & OFFSET_IN_PAGE;
	return 0;
}

/* The byte is in the page of FAR_EL2. */
static bool is_faulting_page(const struct vcpu *v, u64 va)
{
	return !((va ^ v->far) & ~(OFFSET_IN_PAGE | VA_TAG));
}

/* ---- what ---- */

static u64 stack_pointer(const struct vcpu *v)
{
	return el1_read(v->pstate & PSTATE_SP ? EL1_SP : EL1_SP0);
}

static void set_stack_pointer(const struct vcpu *v, u64 value)
{
	el1_write(v->pstate & PSTATE_SP ? EL1_SP : EL1_SP0, value);
}

static u64 base_of(const struct vcpu *v, const struct a64_access *a)
{
	if (a->pc_relative)
		return v->pc;
	return a->rn == 31 ? stack_pointer(v) : vcpu_reg(v, a->rn);
}

static u64 index_of(const struct vcpu *v, const struct a64_access *a)
{
	const u64 value = vcpu_reg(v, a->rm);

	switch (a->extend) {
	case A64_UXTW: return (u64)(u32)value << a->shift;
	case A64_SXTW: return (u64)(s64)(s32)value << a->shift;
	case A64_UXTX:
	case A64_SXTX: return value << a->shift;
	case A64_NO_INDEX: break;
	}
	return 0;
}

/* Where the instruction's access begins. */
static u64 address_of(const struct vcpu *v, const struct a64_access *a)
{
	return base_of(v, a) + (u64)a->offset + index_of(v, a);
}

/* The syndrome says it all; ISS.SRT is the A64 view of the register also in AArch32 state. */
static struct a64_access access_of_syndrome(u64 esr)
{
	return (struct a64_access){
		.write = esr & ISS_WNR,
		.sign_extend = esr & ISS_SSE,
		.to_64 = esr & ISS_SF,
		.ordered = esr & ISS_AR,
		.size = 1u << ISS_SAS(esr),
		.registers = 1,
		.rt = { ISS_SRT(esr) },
	};
}

/*
 * The instruction itself. -EAGAIN: the guest's stage 1 has changed meanwhile. Other errors: it cannot be
 * read, or is none that Fairlead carries out.
 */
static int MUST_CHECK access_of_instruction(const struct vcpu *v, struct a64_access *a)
{
	gpa_t ipa;
	u32 insn;
	int err;

	if (v->pstate & PSTATE_AARCH32)
		return -EOPNOTSUPP;
	if (el1_translate_stage1(v->pc, &ipa))
		return -EAGAIN;
	err = guest_read_u32(ipa, &insn);
	return err ? err : a64_decode(insn, a);
}

/*
 * FAR_EL2 has the lowest address that faulted. At the start of a page that need not be where the access
 * began: in the page before, which the guest has. Such an access is not aligned.
 */
static bool began_in_page_before(const struct vcpu *v, unsigned int size)
{
	struct a64_access a;

	if (v->far & OFFSET_IN_PAGE || size == 1 || access_of_instruction(v, &a) || a.size != size)
		return false;
	/* It ends in this page, but not with its first byte's address: -size < start - FAR < 0. */
	return ((address_of(v, &a) - v->far + size - 1) & ~VA_TAG) < size - 1;
}

/* ---- the access ---- */

static bool is_big_endian(const struct vcpu *v)
{
	if (v->pstate & PSTATE_AARCH32)
		return v->pstate & SPSR32_E;
	if ((v->pstate & PSTATE_MODE_MASK) == PSTATE_MODE_EL0)
		return el1_read(EL1_SCTLR) & SCTLR_E0E;
	return el1_read(EL1_SCTLR) & SCTLR_EE;
}

static u64 swap_bytes(u64 value, unsigned int size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

static u64 loaded_value(const struct a64_access *a, u64 value)
{
	const u64 sign = BIT(a->size * 8 - 1);

	if (a->sign_extend)
		value = (value ^ sign) - sign;
	return a->to_64 ? value : (u32)value;
}

/* One register's worth; returns what was read, or 0. */
static u64 access_one(struct vcpu *v, gpa_t ipa, const struct a64_access *a, unsigned int rt)
{
	const bool swap = is_big_endian(v);
	u64 value = 0;

	if (a->write) {
		value = vcpu_reg(v, rt) & GENMASK64(a->size * 8 - 1, 0);
		if (swap)
			value = swap_bytes(value, a->size);
	}
	vm_mmio_access(&guest, ipa, a->size, a->write, &value);
	return swap ? swap_bytes(value, a->size) : value;
}

static void carry_out(struct vcpu *v, const struct a64_access *a, const gpa_t *ipa)
{
	const u64 base = a->write_back ? base_of(v, a) : 0;
	u64 value[2];

	if (a->ordered)
		arch_io_barrier();
	for (unsigned int i = 0; i < a->registers; i++)
		value[i] = access_one(v, ipa[i], a, a->rt[i]);
	if (a->ordered)
		arch_io_barrier();
	for (unsigned int i = 0; i < a->registers && !a->write; i++)
		vcpu_set_reg(v, a->rt[i], loaded_value(a, value[i]));
	if (a->write_back && a->rn == 31)
		set_stack_pointer(v, base + (u64)a->moved);
	else if (a->write_back)
		vcpu_set_reg(v, a->rn, base + (u64)a->moved);
	vcpu_skip_instruction(v);
}

/* By the syndrome. */
static void emulate_simple(struct vcpu *v, gpa_t ipa)
{
	const struct a64_access a = access_of_syndrome(v->esr);

	if (!IS_ALIGNED(ipa, (u64)a.size) || began_in_page_before(v, a.size))
		vcpu_inject_alignment_fault(v);
	else
		carry_out(v, &a, &ipa);
}

/*
 * The address of register n's part. It may be in another page than the one that faulted, as the second of a
 * pair: -EFAULT if that is not there, or is the guest's memory: half of an access cannot be done.
 */
static int MUST_CHECK part_ipa(struct vcpu *v, u64 va, gpa_t faulting, gpa_t *ipa)
{
	if (is_faulting_page(v, va)) {
		*ipa = (faulting & PAGE_MASK) | (va & OFFSET_IN_PAGE);
		return 0;
	}
	if (el1_translate_stage1(va, ipa))
		return -EFAULT;
	return vm_lookup(&guest, *ipa, NULL, NULL) ? 0 : -EFAULT;
}

/* By the instruction. */
static void emulate_instruction(struct vcpu *v, gpa_t faulting)
{
	struct a64_access a;
	bool met = false;
	gpa_t ipa[2];
	u64 va;
	int err = access_of_instruction(v, &a);

	if (err == -EAGAIN)
		return; /* tried again, the guest gets its own stage 1's fault */
	if (err || a.write != !!(v->esr & ISS_WNR)) {
		abort_in_guest(v, faulting, false, "the instruction cannot be carried out");
		return;
	}
	va = address_of(v, &a);
	if (!IS_ALIGNED(va, (u64)a.size)) {
		vcpu_inject_alignment_fault(v);
		return;
	}
	for (unsigned int i = 0; i < a.registers; i++) {
		if (part_ipa(v, va + i * a.size, faulting, &ipa[i])) {
			abort_in_guest(v, faulting, false, "half of the access is to memory");
			return;
		}
		met |= is_faulting_page(v, va + i * a.size);
	}
	if (met)
		carry_out(v, &a, ipa);
	else
		abort_in_guest(v, faulting, false, "another instruction stands there now");
}

/* ---- the handler ---- */

/*
 * The guest's stage 1 walk met an entry where it may not read (or write: hardware's access flag and dirty
 * state).
 */
static void walk_abort(struct vcpu *v, enum fault fault, gpa_t ipa, bool instruction)
{
	const unsigned int needed = fault == FAULT_PERMISSION ? PT_READ | PT_WRITE : PT_READ;
	unsigned int prot;

	/* Device memory would go on faulting (HCR_EL2.PTW). */
	if (!vm_lookup(&guest, ipa, NULL, &prot) && !(needed & ~prot) && !(prot & PT_DEVICE))
		return;
	abort_in_guest(v, ipa, instruction, "page tables in what is not the guest's memory");
}

static void data_abort(struct vcpu *v, enum fault fault, gpa_t ipa)
{
	if (v->esr & ISS_CM) {
		/* Nothing is cached of what is not mapped. */
		if (fault == FAULT_PERMISSION || !vm_allows(&guest, ipa, PT_READ))
			vcpu_skip_instruction(v);
	} else if (vm_allows(&guest, ipa, v->esr & ISS_WNR ? PT_WRITE : PT_READ)) {
		return;
	} else if (v->esr & ISS_ISV) {
		emulate_simple(v, ipa);
	} else {
		emulate_instruction(v, ipa);
	}
}

static void stage2_abort(struct vcpu *v, enum fault fault, bool instruction)
{
	gpa_t ipa;

	if (faulting_ipa(v, fault, &ipa))
		return; /* tried again, the guest gets its own stage 1's fault */
	if (v->esr & ISS_S1PTW)
		walk_abort(v, fault, ipa, instruction);
	else if (!instruction)
		data_abort(v, fault, ipa);
	else if (!vm_allows(&guest, ipa, PT_READ | PT_EXEC))
		abort_in_guest(v, ipa, true, "no memory of the guest");
}

void abort_handle(struct vcpu *v)
{
	const bool instruction = ESR_EC(v->esr) == EC_INSTRUCTION_ABORT_LOWER;
	const enum fault fault = fault_of(v->esr);

	switch (fault) {
	case FAULT_UNMAPPED:
	case FAULT_PERMISSION: stage2_abort(v, fault, instruction); break;
	case FAULT_TLB_CONFLICT:
		/* Should not be: "Break before make". What is wrong goes, and the access is tried again. */
		if (guest.stage2.flush_tlb)
			guest.stage2.flush_tlb(&guest.stage2);
		break;
	case FAULT_EXTERNAL: abort_in_guest(v, v->far, instruction, "the machine reports an error"); break;
	case FAULT_OTHER: abort_in_guest(v, v->far, instruction, "no such access there"); break;
	}
}
