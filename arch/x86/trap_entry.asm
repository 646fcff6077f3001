; SPDX-License-Identifier: BSD-2-Clause
;
; Where Fairlead's own exceptions and NMIs arrive. Each vector has a stub that makes the stack look the same whether or
; not the CPU pushed an error code (AMD64 APM vol. 2, 8.2); then all registers are saved as struct trap_frame has them
; and trap_handle() decides. Only the NMI and a contained machine check ever return.

bits 64
default rel

extern trap_handle

section .text

%macro STUB 1
trap_stub_%1:
%if %1 == 8 || %1 == 10 || %1 == 11 || %1 == 12 || %1 == 13 || %1 == 14 || %1 == 17 || %1 == 21 || %1 == 29 || %1 == 30
	; the CPU pushed an error code
%else
	push 0
%endif
	push %1
	jmp trap_common
%endmacro

%assign v 0
%rep 32
STUB v
%assign v v+1
%endrep

trap_common:
	push rax
	push rbx
	push rcx
	push rdx
	push rsi
	push rdi
	push rbp
	push r8
	push r9
	push r10
	push r11
	push r12
	push r13
	push r14
	push r15
	mov rdi, rsp
	cld
	call trap_handle
	pop r15
	pop r14
	pop r13
	pop r12
	pop r11
	pop r10
	pop r9
	pop r8
	pop rbp
	pop rdi
	pop rsi
	pop rdx
	pop rcx
	pop rbx
	pop rax
	add rsp, 16			; vector and error code
	iretq

; Addresses, not text: relocated at start, read-only afterwards.
section .data.rel.ro progbits alloc noexec write align=8

global trap_entries:data hidden
trap_entries:
%assign v 0
%rep 32
	dq trap_stub_ %+ v
%assign v v+1
%endrep
