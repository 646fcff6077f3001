/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one boot_info. Filled by the EFI application, read-only once the hypervisor runs.
 */
#include "boot/boot_info.h"

struct boot_info boot_info;
