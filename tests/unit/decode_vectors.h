/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions with the bytes that GNU as makes of them, and what they mean, written from AMD64 APM vol. 3
 * (the text says it). The bytes of a row: printf '.intel_syntax noprefix\n.code64\nTEXT\n' | as --64 -o t.o -
 * && objcopy -O binary -j .text t.o t.bin (.code32 and .code16 for the other modes). test_decode.c assembles
 * all rows again where `as` is there.
 */
#ifndef TESTS_UNIT_DECODE_VECTORS_H
#define TESTS_UNIT_DECODE_VECTORS_H

#include "arch/x86/decode.h"

#define BYTES(s) (const u8 *)(s), sizeof(s) - 1
#define RNONE X86_NO_REG
#define RRIP 0xfe
#define RRAX REG_RAX
#define RRCX REG_RCX
#define RRDX REG_RDX
#define RRBX REG_RBX
#define RRSP REG_RSP
#define RRBP REG_RBP
#define RRSI REG_RSI
#define RRDI REG_RDI
#define RR8 8
#define RR9 9
#define RR10 10
#define RR11 11
#define RR12 12
#define RR13 13
#define RR14 14
#define RR15 15
#define REG(r, n) .other = X86_OTHER_REG, .reg = R##r, .reg_size = (n)
#define HIGH(r) .other = X86_OTHER_REG, .reg = R##r, .reg_size = 1, .high_byte = true
#define IMM(value) .other = X86_OTHER_IMM, .imm = (u64)(value)
#define NOTHING .other = X86_OTHER_NONE
#define REP .rep = 0xf3
#define REPNE .rep = 0xf2
#define LOAD .mem_is_dest = false
#define STORE .mem_is_dest = true
#define STRING .mem_is_dest = false

struct decode_vector {
	enum x86_mode mode;
	const char *text;
	const u8 *bytes;
	size_t length;
	struct x86_insn want; /* base RRIP: RIP-relative */
};

/* mode, text, bytes; operation, memory size, direction, other operand; base, index, shift, displacement;
 * segment, address size */
#define V(m, txt, bts, o, n, dir, oth, b, i, sh, d, seg, asz)                                                     \
	{ X86_MODE_##m, txt, bts,                                                                                \
	  { .op = X86_OP_##o, .size = (n), dir, oth, .base = R##b, .index = R##i, .index_shift = (sh),           \
	    .displacement = (u64)(d), .segment = SEG_##seg, .address_size = (asz) } }

static const struct decode_vector decode_vectors[] = {
	V(64, "mov eax, [rbx]", BYTES("\x8b\x03"),
	  MOV, 4, LOAD, REG(RAX, 4), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov rax, [rbx]", BYTES("\x48\x8b\x03"),
	  MOV, 8, LOAD, REG(RAX, 8), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov ax, [rbx]", BYTES("\x66\x8b\x03"),
	  MOV, 2, LOAD, REG(RAX, 2), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov al, [rbx]", BYTES("\x8a\x03"),
	  MOV, 1, LOAD, REG(RAX, 1), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov ah, [rbx]", BYTES("\x8a\x23"),
	  MOV, 1, LOAD, HIGH(RAX), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov [rbx], bh", BYTES("\x88\x3b"),
	  MOV, 1, STORE, HIGH(RBX), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov [rbx], dil", BYTES("\x40\x88\x3b"),
	  MOV, 1, STORE, REG(RDI, 1), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov r9d, [r10+r11*4+0x12]", BYTES("\x47\x8b\x4c\x9a\x12"),
	  MOV, 4, LOAD, REG(R9, 4), R10, R11, 2, 0x12, DS, 8),
	V(64, "mov [r13], r15", BYTES("\x4d\x89\x7d\x00"),
	  MOV, 8, STORE, REG(R15, 8), R13, NONE, 0, 0, DS, 8),
	V(64, "mov [r12], r14w", BYTES("\x66\x45\x89\x34\x24"),
	  MOV, 2, STORE, REG(R14, 2), R12, NONE, 0, 0, DS, 8),
	V(64, "mov ecx, [rsp+8]", BYTES("\x8b\x4c\x24\x08"),
	  MOV, 4, LOAD, REG(RCX, 4), RSP, NONE, 0, 8, SS, 8),
	V(64, "mov ecx, [rbp-8]", BYTES("\x8b\x4d\xf8"),
	  MOV, 4, LOAD, REG(RCX, 4), RBP, NONE, 0, -8, SS, 8),
	V(64, "mov ecx, [rbp+r12*8]", BYTES("\x42\x8b\x4c\xe5\x00"),
	  MOV, 4, LOAD, REG(RCX, 4), RBP, R12, 3, 0, SS, 8),
	V(64, "mov ecx, [rax+rbp*2-0x12345678]", BYTES("\x8b\x8c\x68\x88\xa9\xcb\xed"),
	  MOV, 4, LOAD, REG(RCX, 4), RAX, RBP, 1, -0x12345678, DS, 8),
	V(64, "mov ecx, [rdx*8+0x11223344]", BYTES("\x8b\x0c\xd5\x44\x33\x22\x11"),
	  MOV, 4, LOAD, REG(RCX, 4), NONE, RDX, 3, 0x11223344, DS, 8),
	V(64, "mov ecx, ds:[0x11223344]", BYTES("\x8b\x0c\x25\x44\x33\x22\x11"),
	  MOV, 4, LOAD, REG(RCX, 4), NONE, NONE, 0, 0x11223344, DS, 8),
	V(64, "mov ecx, [rip+0x100]", BYTES("\x8b\x0d\x00\x01\x00\x00"),
	  MOV, 4, LOAD, REG(RCX, 4), RIP, NONE, 0, 0x100, DS, 8),
	V(64, "mov dword ptr [rip-4], 0x55667788", BYTES("\xc7\x05\xfc\xff\xff\xff\x88\x77\x66\x55"),
	  MOV, 4, STORE, IMM(0x55667788), RIP, NONE, 0, -4, DS, 8),
	V(64, "mov r8d, gs:[rax]", BYTES("\x65\x44\x8b\x00"),
	  MOV, 4, LOAD, REG(R8, 4), RAX, NONE, 0, 0, GS, 8),
	V(64, "mov r8d, fs:[0x28]", BYTES("\x64\x44\x8b\x04\x25\x28\x00\x00\x00"),
	  MOV, 4, LOAD, REG(R8, 4), NONE, NONE, 0, 0x28, FS, 8),
	V(64, ".byte 0x2e; mov eax, [rbx]", BYTES("\x2e\x8b\x03"),
	  MOV, 4, LOAD, REG(RAX, 4), RBX, NONE, 0, 0, DS, 8),
	V(64, ".byte 0x65, 0x3e; mov eax, [rbx]", BYTES("\x65\x3e\x8b\x03"),
	  MOV, 4, LOAD, REG(RAX, 4), RBX, NONE, 0, 0, GS, 8),
	V(64, "mov edi, [ebx+esi*2+1]", BYTES("\x67\x8b\x7c\x73\x01"),
	  MOV, 4, LOAD, REG(RDI, 4), RBX, RSI, 1, 1, DS, 4),
	V(64, ".byte 0x48; data16 mov eax, [rbx]", BYTES("\x48\x66\x8b\x03"),
	  MOV, 2, LOAD, REG(RAX, 2), RBX, NONE, 0, 0, DS, 8),
	V(64, "mov byte ptr [rdi], 0x80", BYTES("\xc6\x07\x80"),
	  MOV, 1, STORE, IMM(-0x80), RDI, NONE, 0, 0, DS, 8),
	V(64, "mov word ptr [rdi], 0x1234", BYTES("\x66\xc7\x07\x34\x12"),
	  MOV, 2, STORE, IMM(0x1234), RDI, NONE, 0, 0, DS, 8),
	V(64, "mov dword ptr [rdi+0x40], 0x89abcdef", BYTES("\xc7\x47\x40\xef\xcd\xab\x89"),
	  MOV, 4, STORE, IMM(-0x76543211), RDI, NONE, 0, 0x40, DS, 8),
	V(64, "mov qword ptr [rdi+0x400], -2", BYTES("\x48\xc7\x87\x00\x04\x00\x00\xfe\xff\xff\xff"),
	  MOV, 8, STORE, IMM(-2), RDI, NONE, 0, 0x400, DS, 8),
	V(64, "movabs al, [0x1122334455667788]", BYTES("\xa0\x88\x77\x66\x55\x44\x33\x22\x11"),
	  MOV, 1, LOAD, REG(RAX, 1), NONE, NONE, 0, 0x1122334455667788, DS, 8),
	V(64, "movabs [0x1122334455667788], rax", BYTES("\x48\xa3\x88\x77\x66\x55\x44\x33\x22\x11"),
	  MOV, 8, STORE, REG(RAX, 8), NONE, NONE, 0, 0x1122334455667788, DS, 8),
	V(64, "movabs fs:[0x1122334455667788], eax", BYTES("\x64\xa3\x88\x77\x66\x55\x44\x33\x22\x11"),
	  MOV, 4, STORE, REG(RAX, 4), NONE, NONE, 0, 0x1122334455667788, FS, 8),
	V(64, ".byte 0x67, 0xa1, 0x44, 0x33, 0x22, 0x11", BYTES("\x67\xa1\x44\x33\x22\x11"),
	  MOV, 4, LOAD, REG(RAX, 4), NONE, NONE, 0, 0x11223344, DS, 4),
	V(64, "movzx eax, byte ptr [rsi]", BYTES("\x0f\xb6\x06"),
	  MOVZX, 1, LOAD, REG(RAX, 4), RSI, NONE, 0, 0, DS, 8),
	V(64, "movzx r10, word ptr [rsi]", BYTES("\x4c\x0f\xb7\x16"),
	  MOVZX, 2, LOAD, REG(R10, 8), RSI, NONE, 0, 0, DS, 8),
	V(64, "movzx si, byte ptr [rsi]", BYTES("\x66\x0f\xb6\x36"),
	  MOVZX, 1, LOAD, REG(RSI, 2), RSI, NONE, 0, 0, DS, 8),
	V(64, "movsx rax, byte ptr [rsi]", BYTES("\x48\x0f\xbe\x06"),
	  MOVSX, 1, LOAD, REG(RAX, 8), RSI, NONE, 0, 0, DS, 8),
	V(64, "movsx ebp, word ptr [rsi]", BYTES("\x0f\xbf\x2e"),
	  MOVSX, 2, LOAD, REG(RBP, 4), RSI, NONE, 0, 0, DS, 8),
	V(64, "movsxd rdx, dword ptr [rsi]", BYTES("\x48\x63\x16"),
	  MOVSX, 4, LOAD, REG(RDX, 8), RSI, NONE, 0, 0, DS, 8),
	V(64, "movnti [rdi], eax", BYTES("\x0f\xc3\x07"),
	  MOV, 4, STORE, REG(RAX, 4), RDI, NONE, 0, 0, DS, 8),
	V(64, "movnti [rdi], r9", BYTES("\x4c\x0f\xc3\x0f"),
	  MOV, 8, STORE, REG(R9, 8), RDI, NONE, 0, 0, DS, 8),
	V(64, "add [rdi], eax", BYTES("\x01\x07"),
	  ADD, 4, STORE, REG(RAX, 4), RDI, NONE, 0, 0, DS, 8),
	V(64, "add al, [rdi]", BYTES("\x02\x07"),
	  ADD, 1, LOAD, REG(RAX, 1), RDI, NONE, 0, 0, DS, 8),
	V(64, "lock or dword ptr [rdi], 0x7f", BYTES("\xf0\x83\x0f\x7f"),
	  OR, 4, STORE, IMM(0x7f), RDI, NONE, 0, 0, DS, 8),
	V(64, "or qword ptr [rdi], -0x80", BYTES("\x48\x83\x0f\x80"),
	  OR, 8, STORE, IMM(-0x80), RDI, NONE, 0, 0, DS, 8),
	V(64, "adc word ptr [rdi], 0x1234", BYTES("\x66\x81\x17\x34\x12"),
	  ADC, 2, STORE, IMM(0x1234), RDI, NONE, 0, 0, DS, 8),
	V(64, "sbb dword ptr [rdi], 0x12345678", BYTES("\x81\x1f\x78\x56\x34\x12"),
	  SBB, 4, STORE, IMM(0x12345678), RDI, NONE, 0, 0, DS, 8),
	V(64, "and byte ptr [rdi], 0xfe", BYTES("\x80\x27\xfe"),
	  AND, 1, STORE, IMM(-2), RDI, NONE, 0, 0, DS, 8),
	V(64, "and r11, [rdi]", BYTES("\x4c\x23\x1f"),
	  AND, 8, LOAD, REG(R11, 8), RDI, NONE, 0, 0, DS, 8),
	V(64, "sub ch, [rdi]", BYTES("\x2a\x2f"),
	  SUB, 1, LOAD, HIGH(RCX), RDI, NONE, 0, 0, DS, 8),
	V(64, "xor [rdi], r8b", BYTES("\x44\x30\x07"),
	  XOR, 1, STORE, REG(R8, 1), RDI, NONE, 0, 0, DS, 8),
	V(64, "cmp dword ptr [rdi+4], 0", BYTES("\x83\x7f\x04\x00"),
	  CMP, 4, STORE, IMM(0), RDI, NONE, 0, 4, DS, 8),
	V(64, "cmp eax, [rdi]", BYTES("\x3b\x07"),
	  CMP, 4, LOAD, REG(RAX, 4), RDI, NONE, 0, 0, DS, 8),
	V(64, "test dword ptr [rdi], 0x80000000", BYTES("\xf7\x07\x00\x00\x00\x80"),
	  TEST, 4, STORE, IMM(-0x80000000LL), RDI, NONE, 0, 0, DS, 8),
	V(64, "test byte ptr [rdi], 1", BYTES("\xf6\x07\x01"),
	  TEST, 1, STORE, IMM(1), RDI, NONE, 0, 0, DS, 8),
	V(64, ".byte 0xf6, 0x0f, 0x01", BYTES("\xf6\x0f\x01"),
	  TEST, 1, STORE, IMM(1), RDI, NONE, 0, 0, DS, 8),
	V(64, "test [rdi], rax", BYTES("\x48\x85\x07"),
	  TEST, 8, STORE, REG(RAX, 8), RDI, NONE, 0, 0, DS, 8),
	V(64, "inc dword ptr [rdi]", BYTES("\xff\x07"),
	  INC, 4, STORE, NOTHING, RDI, NONE, 0, 0, DS, 8),
	V(64, "dec byte ptr [rdi]", BYTES("\xfe\x0f"),
	  DEC, 1, STORE, NOTHING, RDI, NONE, 0, 0, DS, 8),
	V(64, "not qword ptr [rdi]", BYTES("\x48\xf7\x17"),
	  NOT, 8, STORE, NOTHING, RDI, NONE, 0, 0, DS, 8),
	V(64, "neg word ptr [rdi]", BYTES("\x66\xf7\x1f"),
	  NEG, 2, STORE, NOTHING, RDI, NONE, 0, 0, DS, 8),
	V(64, "bt dword ptr [rdi], 31", BYTES("\x0f\xba\x27\x1f"),
	  BT, 4, STORE, IMM(31), RDI, NONE, 0, 0, DS, 8),
	V(64, "lock bts qword ptr [rdi], 63", BYTES("\xf0\x48\x0f\xba\x2f\x3f"),
	  BTS, 8, STORE, IMM(63), RDI, NONE, 0, 0, DS, 8),
	V(64, "btr word ptr [rdi], 3", BYTES("\x66\x0f\xba\x37\x03"),
	  BTR, 2, STORE, IMM(3), RDI, NONE, 0, 0, DS, 8),
	V(64, "btc dword ptr [rdi], 1", BYTES("\x0f\xba\x3f\x01"),
	  BTC, 4, STORE, IMM(1), RDI, NONE, 0, 0, DS, 8),
	V(64, "bt [rdi], eax", BYTES("\x0f\xa3\x07"),
	  BT, 4, STORE, REG(RAX, 4), RDI, NONE, 0, 0, DS, 8),
	V(64, "lock bts [rdi], rax", BYTES("\xf0\x48\x0f\xab\x07"),
	  BTS, 8, STORE, REG(RAX, 8), RDI, NONE, 0, 0, DS, 8),
	V(64, "btr [rdi], eax", BYTES("\x0f\xb3\x07"),
	  BTR, 4, STORE, REG(RAX, 4), RDI, NONE, 0, 0, DS, 8),
	V(64, "btc [rdi], ax", BYTES("\x66\x0f\xbb\x07"),
	  BTC, 2, STORE, REG(RAX, 2), RDI, NONE, 0, 0, DS, 8),
	V(64, "xchg [rdi], eax", BYTES("\x87\x07"),
	  XCHG, 4, STORE, REG(RAX, 4), RDI, NONE, 0, 0, DS, 8),
	V(64, "xchg [rdi], cl", BYTES("\x86\x0f"),
	  XCHG, 1, STORE, REG(RCX, 1), RDI, NONE, 0, 0, DS, 8),
	V(64, "lock xadd [rdi], edx", BYTES("\xf0\x0f\xc1\x17"),
	  XADD, 4, STORE, REG(RDX, 4), RDI, NONE, 0, 0, DS, 8),
	V(64, "xadd [rdi], dl", BYTES("\x0f\xc0\x17"),
	  XADD, 1, STORE, REG(RDX, 1), RDI, NONE, 0, 0, DS, 8),
	V(64, "lock cmpxchg [rdi], rsi", BYTES("\xf0\x48\x0f\xb1\x37"),
	  CMPXCHG, 8, STORE, REG(RSI, 8), RDI, NONE, 0, 0, DS, 8),
	V(64, "cmpxchg [rdi], ah", BYTES("\x0f\xb0\x27"),
	  CMPXCHG, 1, STORE, HIGH(RAX), RDI, NONE, 0, 0, DS, 8),
	V(64, "rep movsb", BYTES("\xf3\xa4"),
	  MOVS, 1, STRING, REP, NONE, NONE, 0, 0, DS, 8),
	V(64, "movsq", BYTES("\x48\xa5"),
	  MOVS, 8, STRING, NOTHING, NONE, NONE, 0, 0, DS, 8),
	V(64, "rep movs word ptr es:[edi], word ptr gs:[esi]", BYTES("\x65\x67\x66\xf3\xa5"),
	  MOVS, 2, STRING, REP, NONE, NONE, 0, 0, GS, 4),
	V(64, "repne cmpsd", BYTES("\xf2\xa7"),
	  CMPS, 4, STRING, REPNE, NONE, NONE, 0, 0, DS, 8),
	V(64, "rep stosd", BYTES("\xf3\xab"),
	  STOS, 4, STRING, REP, NONE, NONE, 0, 0, DS, 8),
	V(64, "lodsb", BYTES("\xac"),
	  LODS, 1, STRING, NOTHING, NONE, NONE, 0, 0, DS, 8),
	V(64, "repne scasb", BYTES("\xf2\xae"),
	  SCAS, 1, STRING, REPNE, NONE, NONE, 0, 0, DS, 8),
	V(64, ".byte 0x66,0x66,0x66; mov [rax+rbx+0x11223344], bx", BYTES("\x66\x66\x66\x66\x89\x9c\x18\x44\x33\x22\x11"),
	  MOV, 2, STORE, REG(RBX, 2), RAX, RBX, 0, 0x11223344, DS, 8),
	V(64, ".byte 0x66,0x66; mov word ptr cs:[rax+rbx+0x11223344], 0x5566", BYTES("\x66\x66\x2e\x66\xc7\x84\x18\x44\x33\x22\x11\x66\x55"),
	  MOV, 2, STORE, IMM(0x5566), RAX, RBX, 0, 0x11223344, DS, 8),
	V(32, "mov eax, [ebx]", BYTES("\x8b\x03"),
	  MOV, 4, LOAD, REG(RAX, 4), RBX, NONE, 0, 0, DS, 4),
	V(32, "mov eax, ds:[0x11223344]", BYTES("\xa1\x44\x33\x22\x11"),
	  MOV, 4, LOAD, REG(RAX, 4), NONE, NONE, 0, 0x11223344, DS, 4),
	V(32, ".byte 0x8b, 0x05, 0x44, 0x33, 0x22, 0x11", BYTES("\x8b\x05\x44\x33\x22\x11"),
	  MOV, 4, LOAD, REG(RAX, 4), NONE, NONE, 0, 0x11223344, DS, 4),
	V(32, "mov [ebp+edi*4+0x7f], cx", BYTES("\x66\x89\x4c\xbd\x7f"),
	  MOV, 2, STORE, REG(RCX, 2), RBP, RDI, 2, 0x7f, SS, 4),
	V(32, "mov es:[esp], bl", BYTES("\x26\x88\x1c\x24"),
	  MOV, 1, STORE, REG(RBX, 1), RSP, NONE, 0, 0, ES, 4),
	V(32, "mov cs:[eax], edx", BYTES("\x2e\x89\x10"),
	  MOV, 4, STORE, REG(RDX, 4), RAX, NONE, 0, 0, CS, 4),
	V(32, "mov ss:[eax], edx", BYTES("\x36\x89\x10"),
	  MOV, 4, STORE, REG(RDX, 4), RAX, NONE, 0, 0, SS, 4),
	V(32, "mov eax, [bx+si]", BYTES("\x67\x8b\x00"),
	  MOV, 4, LOAD, REG(RAX, 4), RBX, RSI, 0, 0, DS, 2),
	V(32, "mov ax, ds:[0x11223344]", BYTES("\x66\xa1\x44\x33\x22\x11"),
	  MOV, 2, LOAD, REG(RAX, 2), NONE, NONE, 0, 0x11223344, DS, 4),
	V(32, "and dword ptr [edi], 0xfffffff0", BYTES("\x83\x27\xf0"),
	  AND, 4, STORE, IMM(-16), RDI, NONE, 0, 0, DS, 4),
	V(32, "rep stosw", BYTES("\x66\xf3\xab"),
	  STOS, 2, STRING, REP, NONE, NONE, 0, 0, DS, 4),
	V(32, "movsx eax, byte ptr [ecx]", BYTES("\x0f\xbe\x01"),
	  MOVSX, 1, LOAD, REG(RAX, 4), RCX, NONE, 0, 0, DS, 4),
	V(16, "mov ax, [bx]", BYTES("\x8b\x07"),
	  MOV, 2, LOAD, REG(RAX, 2), RBX, NONE, 0, 0, DS, 2),
	V(16, "mov eax, [bx+si+5]", BYTES("\x66\x8b\x40\x05"),
	  MOV, 4, LOAD, REG(RAX, 4), RBX, RSI, 0, 5, DS, 2),
	V(16, "mov [bx+di-5], cl", BYTES("\x88\x49\xfb"),
	  MOV, 1, STORE, REG(RCX, 1), RBX, RDI, 0, -5, DS, 2),
	V(16, "mov [bp+si], dh", BYTES("\x88\x32"),
	  MOV, 1, STORE, HIGH(RDX), RBP, RSI, 0, 0, SS, 2),
	V(16, "mov [bp+di+0x1234], dx", BYTES("\x89\x93\x34\x12"),
	  MOV, 2, STORE, REG(RDX, 2), RBP, RDI, 0, 0x1234, SS, 2),
	V(16, "mov [si], dx", BYTES("\x89\x14"),
	  MOV, 2, STORE, REG(RDX, 2), RSI, NONE, 0, 0, DS, 2),
	V(16, "mov [di], dx", BYTES("\x89\x15"),
	  MOV, 2, STORE, REG(RDX, 2), RDI, NONE, 0, 0, DS, 2),
	V(16, "mov [bp], dx", BYTES("\x89\x56\x00"),
	  MOV, 2, STORE, REG(RDX, 2), RBP, NONE, 0, 0, SS, 2),
	V(16, "mov fs:[0x1234], dx", BYTES("\x64\x89\x16\x34\x12"),
	  MOV, 2, STORE, REG(RDX, 2), NONE, NONE, 0, 0x1234, FS, 2),
	V(16, "mov es:[0x7234], ax", BYTES("\x26\xa3\x34\x72"),
	  MOV, 2, STORE, REG(RAX, 2), NONE, NONE, 0, 0x7234, ES, 2),
	V(16, "mov ax, es:[ebx+ecx*8]", BYTES("\x26\x67\x8b\x04\xcb"),
	  MOV, 2, LOAD, REG(RAX, 2), RBX, RCX, 3, 0, ES, 4),
	V(16, "mov dword ptr [bx], 0x12345678", BYTES("\x66\xc7\x07\x78\x56\x34\x12"),
	  MOV, 4, STORE, IMM(0x12345678), RBX, NONE, 0, 0, DS, 2),
	V(16, "add word ptr [bx], -1", BYTES("\x83\x07\xff"),
	  ADD, 2, STORE, IMM(-1), RBX, NONE, 0, 0, DS, 2),
	V(16, "rep movsw", BYTES("\xf3\xa5"),
	  MOVS, 2, STRING, REP, NONE, NONE, 0, 0, DS, 2),
	V(16, "rep movs dword ptr es:[edi], dword ptr ss:[esi]", BYTES("\x36\x67\x66\xf3\xa5"),
	  MOVS, 4, STRING, REP, NONE, NONE, 0, 0, SS, 4),
};

struct match_vector {
	enum x86_mode mode;
	const char *text;
	const u8 *bytes;
	size_t length;
	enum x86_intercepted what;
};

static const struct match_vector match_vectors[] = {
	{ X86_MODE_64, "cpuid", BYTES("\x0f\xa2"), X86_INSN_CPUID },
	{ X86_MODE_64, ".byte 0x66, 0xf2, 0xf3, 0x2e, 0x48; cpuid", BYTES("\x66\xf2\xf3\x2e\x48\x0f\xa2"), X86_INSN_CPUID },
	{ X86_MODE_64, ".byte 0x48, 0x65; cpuid", BYTES("\x48\x65\x0f\xa2"), X86_INSN_CPUID },
	{ X86_MODE_32, "cpuid", BYTES("\x0f\xa2"), X86_INSN_CPUID },
	{ X86_MODE_16, "cpuid", BYTES("\x0f\xa2"), X86_INSN_CPUID },
	{ X86_MODE_64, "rdmsr", BYTES("\x0f\x32"), X86_INSN_RDMSR },
	{ X86_MODE_64, "wrmsr", BYTES("\x0f\x30"), X86_INSN_WRMSR },
	{ X86_MODE_64, "hlt", BYTES("\xf4"), X86_INSN_HLT },
	{ X86_MODE_64, "vmrun", BYTES("\x0f\x01\xd8"), X86_INSN_VMRUN },
	{ X86_MODE_64, "vmmcall", BYTES("\x0f\x01\xd9"), X86_INSN_VMMCALL },
	{ X86_MODE_64, "vmload", BYTES("\x0f\x01\xda"), X86_INSN_VMLOAD },
	{ X86_MODE_64, "vmsave", BYTES("\x0f\x01\xdb"), X86_INSN_VMSAVE },
	{ X86_MODE_64, "stgi", BYTES("\x0f\x01\xdc"), X86_INSN_STGI },
	{ X86_MODE_64, "clgi", BYTES("\x0f\x01\xdd"), X86_INSN_CLGI },
	{ X86_MODE_64, "skinit", BYTES("\x0f\x01\xde"), X86_INSN_SKINIT },
	{ X86_MODE_64, "invlpga", BYTES("\x0f\x01\xdf"), X86_INSN_INVLPGA },
	{ X86_MODE_64, "rdtsc", BYTES("\x0f\x31"), X86_INSN_RDTSC },
	{ X86_MODE_64, "rdtscp", BYTES("\x0f\x01\xf9"), X86_INSN_RDTSCP },
	{ X86_MODE_64, "xsetbv", BYTES("\x0f\x01\xd1"), X86_INSN_XSETBV },
	{ X86_MODE_64, "invd", BYTES("\x0f\x08"), X86_INSN_INVD },
	{ X86_MODE_64, "wbinvd", BYTES("\x0f\x09"), X86_INSN_WBINVD },
	{ X86_MODE_64, ".byte 0xf3; wbinvd", BYTES("\xf3\x0f\x09"), X86_INSN_WBINVD },
	{ X86_MODE_64, "in al, 0x60", BYTES("\xe4\x60"), X86_INSN_IN },
	{ X86_MODE_64, "in eax, dx", BYTES("\xed"), X86_INSN_IN },
	{ X86_MODE_16, "in ax, 0x60", BYTES("\xe5\x60"), X86_INSN_IN },
	{ X86_MODE_16, "in eax, dx", BYTES("\x66\xed"), X86_INSN_IN },
	{ X86_MODE_64, "out 0x80, al", BYTES("\xe6\x80"), X86_INSN_OUT },
	{ X86_MODE_64, "out dx, ax", BYTES("\x66\xef"), X86_INSN_OUT },
	{ X86_MODE_64, "rep insd", BYTES("\xf3\x6d"), X86_INSN_INS },
	{ X86_MODE_16, "insb", BYTES("\x6c"), X86_INSN_INS },
	{ X86_MODE_64, "rep outsb", BYTES("\xf3\x6e"), X86_INSN_OUTS },
	{ X86_MODE_64, "rep outs dx, word ptr fs:[esi]", BYTES("\x64\x67\x66\xf3\x6f"), X86_INSN_OUTS },
	{ X86_MODE_64, "mov rax, cr0", BYTES("\x0f\x20\xc0"), X86_INSN_MOV_FROM_CR },
	{ X86_MODE_64, "mov r15, cr8", BYTES("\x45\x0f\x20\xc7"), X86_INSN_MOV_FROM_CR },
	{ X86_MODE_32, ".byte 0xf0; mov eax, cr0", BYTES("\xf0\x0f\x20\xc0"), X86_INSN_MOV_FROM_CR },
	{ X86_MODE_64, "mov cr4, r9", BYTES("\x41\x0f\x22\xe1"), X86_INSN_MOV_TO_CR },
	{ X86_MODE_64, ".byte 0x0f, 0x22, 0x18", BYTES("\x0f\x22\x18"), X86_INSN_MOV_TO_CR },
	{ X86_MODE_32, "mov eax, dr6", BYTES("\x0f\x21\xf0"), X86_INSN_MOV_FROM_DR },
	{ X86_MODE_64, "mov dr7, rax", BYTES("\x0f\x23\xf8"), X86_INSN_MOV_TO_DR },
	{ X86_MODE_64, "iretq", BYTES("\x48\xcf"), X86_INSN_IRET },
	{ X86_MODE_32, "iretd", BYTES("\xcf"), X86_INSN_IRET },
	{ X86_MODE_16, "iretw", BYTES("\xcf"), X86_INSN_IRET },
	{ X86_MODE_64, "rsm", BYTES("\x0f\xaa"), X86_INSN_RSM },
	{ X86_MODE_64, "monitor", BYTES("\x0f\x01\xc8"), X86_INSN_MONITOR },
	{ X86_MODE_64, "monitorx", BYTES("\x0f\x01\xfa"), X86_INSN_MONITOR },
	{ X86_MODE_64, "mwait", BYTES("\x0f\x01\xc9"), X86_INSN_MWAIT },
	{ X86_MODE_64, "mwaitx", BYTES("\x0f\x01\xfb"), X86_INSN_MWAIT },
	{ X86_MODE_64, ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66; cpuid", BYTES("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2"), X86_INSN_CPUID },
};

#endif
