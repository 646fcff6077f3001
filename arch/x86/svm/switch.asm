; SPDX-License-Identifier: BSD-2-Clause
;
; The world switch. One way in, one way out: svm_enter() runs the guest until its next exit.
;
; VMRUN and #VMEXIT exchange RAX, RSP, RIP, RFLAGS, the control registers, CS, SS, DS, ES, GDTR and IDTR between the
; VMCB and the host save area (APM vol. 2, 15.5.1). The rest of the general registers is exchanged here; FS, GS, TR,
; LDTR and the system-call MSRs by VMSAVE and VMLOAD (15.5.2): TR must be ours before an exception of ours can find
; its stack. SSE and debug address registers stay the guest's: Fairlead uses none.
;
; GIF is 0 from svm_start() on, except in nmi_window() and sleep_window(): nothing interrupts between the last look at the flags and VMRUN.

bits 64
default rel

REG_RCX equ 1 * 8
REG_RDX equ 2 * 8
REG_RBX equ 3 * 8
REG_RBP equ 5 * 8
REG_RSI equ 6 * 8
REG_RDI equ 7 * 8
REG_R8  equ 8 * 8
REG_R9  equ 9 * 8
REG_R10 equ 10 * 8
REG_R11 equ 11 * 8
REG_R12 equ 12 * 8
REG_R13 equ 13 * 8
REG_R14 equ 14 * 8
REG_R15 equ 15 * 8

section .text

; void svm_enter(struct vcpu *v, u64 vmcb, u64 host_vmcb)
;                rdi             rsi       rdx
; v->reg[] is at offset 0 (arch/x86/vcpu.h). RAX and RSP travel through the VMCB.
global svm_enter:function hidden
svm_enter:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	push rdx			; [rsp + 8]: host_vmcb
	push rdi			; [rsp]:     v
	mov rax, rsi
	mov rcx, [rdi + REG_RCX]
	mov rdx, [rdi + REG_RDX]
	mov rbx, [rdi + REG_RBX]
	mov rbp, [rdi + REG_RBP]
	mov rsi, [rdi + REG_RSI]
	mov r8,  [rdi + REG_R8]
	mov r9,  [rdi + REG_R9]
	mov r10, [rdi + REG_R10]
	mov r11, [rdi + REG_R11]
	mov r12, [rdi + REG_R12]
	mov r13, [rdi + REG_R13]
	mov r14, [rdi + REG_R14]
	mov r15, [rdi + REG_R15]
	mov rdi, [rdi + REG_RDI]

	vmload				; the VMCB at RAX
	vmrun				; the VMCB at RAX
	vmsave				; the VMCB at RAX

	push rdi
	mov rdi, [rsp + 8]
	pop qword [rdi + REG_RDI]
	mov [rdi + REG_RCX], rcx
	mov [rdi + REG_RDX], rdx
	mov [rdi + REG_RBX], rbx
	mov [rdi + REG_RBP], rbp
	mov [rdi + REG_RSI], rsi
	mov [rdi + REG_R8],  r8
	mov [rdi + REG_R9],  r9
	mov [rdi + REG_R10], r10
	mov [rdi + REG_R11], r11
	mov [rdi + REG_R12], r12
	mov [rdi + REG_R13], r13
	mov [rdi + REG_R14], r14
	mov [rdi + REG_R15], r15
	mov rax, [rsp + 8]
	vmload				; the VMCB at RAX

	pop rdi
	pop rdx
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	; No value of the guest stays in a register that C code may reuse.
	xor ecx, ecx
	xor esi, esi
	xor edi, edi
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	xor r11d, r11d
	cld
	ret

; void nmi_window(void): takes an NMI that waits, on our IDT. Interrupts stay off by RFLAGS.IF.
global nmi_window:function hidden
nmi_window:
	stgi
	nop
	clgi
	ret

; void sleep_window(void): sleeps until an NMI comes, on our IDT. One that waits, or comes before the HLT, ends it at once:
; the NMI handler skips what it finds between the two labels (trap.c).
global sleep_window:function hidden, sleep_window_open:function hidden, sleep_window_end:function hidden
sleep_window:
	stgi
sleep_window_open:
	nop
	hlt
sleep_window_end:
	clgi
	ret

; void run_on_stack(u64 top, void (*function)(void)): never returns.
global run_on_stack:function hidden
run_on_stack:
	mov rsp, rdi
	xor ebp, ebp
	call rsi
	ud2
