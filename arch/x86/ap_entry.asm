; SPDX-License-Identifier: BSD-2-Clause
;
; How an application processor comes from the SIPI to C: real mode at the start of the trampoline page, then 64-bit mode at once
; (APM vol. 2, 14.6: protected mode in between is not needed), then Fairlead's own code on a stack of its own.
;
; The first part is copied to the page (smp.c) and runs there, wherever that is; ap_parameters, at its end, is struct
; ap_parameters of arch/x86/smp.h, filled in there.

MSR_EFER equ 0xc0000080

; offsets in struct ap_parameters
P_CR0	       equ 0
P_CR4	       equ 8
P_EFER	       equ 16
P_CR3	       equ 24
P_GDT	       equ 32		; three descriptors
P_GDTR	       equ 56		; limit, base
P_FAR_POINTER  equ 62		; offset, selector
P_ENTRY	       equ 68

section .rodata

global ap_code:data hidden, ap_parameters:data hidden, ap_code_64:data hidden, ap_code_end:data hidden

%define IN_PAGE(label) ((label) - ap_code)

bits 16
align 16
ap_code:
	cli
	cld
	mov ax, cs
	mov ds, ax
	o32 lgdt [IN_PAGE(ap_parameters) + P_GDTR]
	mov eax, [IN_PAGE(ap_parameters) + P_CR4]
	mov cr4, eax
	mov eax, [IN_PAGE(ap_parameters) + P_CR3]
	mov cr3, eax
	mov ecx, MSR_EFER
	mov eax, [IN_PAGE(ap_parameters) + P_EFER]
	mov edx, [IN_PAGE(ap_parameters) + P_EFER + 4]
	wrmsr
	mov eax, [IN_PAGE(ap_parameters) + P_CR0]
	mov cr0, eax			; protection and paging: long mode is active
	jmp far dword [IN_PAGE(ap_parameters) + P_FAR_POINTER]

bits 64
default rel
ap_code_64:
	mov rax, [ap_parameters + P_ENTRY]
	jmp rax

align 8
ap_parameters:
	times 76 db 0
ap_code_end:

section .text

extern ap_stack, ap_main

; Here only one CPU at a time: the boot CPU waits for each.
global ap_entry64:function hidden
ap_entry64:
	mov rsp, [ap_stack]
	xor ebp, ebp
	call ap_main
	ud2
