/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The call to the firmware: SMC #0, by the SMC Calling Convention (psci.h).
 */
#include "arch/arm64/psci.h"

s64 psci_firmware_call(u32 function, u64 a, u64 b, u64 c)
{
	register u64 x0 __asm__("x0") = function;
	register u64 x1 __asm__("x1") = a;
	register u64 x2 __asm__("x2") = b;
	register u64 x3 __asm__("x3") = c;

	/*
	 * Convention 1.0 lets the callee change X0-X17 (DEN 0028E 2.6, table 2-2 of older issues); firmware
	 * may be that old.
	 */
	__asm__ volatile("smc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "memory");
	return (s64)x0;
}
