; SPDX-License-Identifier: BSD-2-Clause
;
; Instructions that may fault because the CPU does not have what they name. A #GP at one of the three marked addresses is not a
; bug: trap_handle() goes on at safe_fault, and the function returns -EFAULT.

bits 64
default rel

EFAULT equ 14

section .text

; int rdmsr_safe(u32 msr, u64 *value)
global rdmsr_safe:function hidden
global rdmsr_safe_at:function hidden
rdmsr_safe:
	mov ecx, edi
rdmsr_safe_at:
	rdmsr
	shl rdx, 32
	mov eax, eax			; clears the upper half
	or rax, rdx
	mov [rsi], rax
	xor eax, eax
	ret

; int wrmsr_safe(u32 msr, u64 value)
global wrmsr_safe:function hidden
global wrmsr_safe_at:function hidden
wrmsr_safe:
	mov ecx, edi
	mov eax, esi
	mov rdx, rsi
	shr rdx, 32
wrmsr_safe_at:
	wrmsr
	xor eax, eax
	ret

; int xsetbv_safe(u32 index, u64 value)
; Fairlead itself runs with CR4.OSXSAVE clear, so it is set for the one instruction.
global xsetbv_safe:function hidden
global xsetbv_safe_at:function hidden
xsetbv_safe:
	mov r8, cr4
	mov r9, r8
	bts r9, 18			; CR4.OSXSAVE
	mov cr4, r9
	mov ecx, edi
	mov eax, esi
	mov rdx, rsi
	shr rdx, 32
xsetbv_safe_at:
	xsetbv
	mov cr4, r8
	xor eax, eax
	ret

; Where the trap handler goes on. R8 is CR4 as xsetbv_safe found it.
global safe_fault_xsetbv:function hidden
safe_fault_xsetbv:
	mov cr4, r8
global safe_fault:function hidden
safe_fault:
	mov eax, -EFAULT
	ret
