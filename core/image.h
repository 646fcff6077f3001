/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the linker put things (fairlead.lds of the architecture). All are 4 KiB aligned.
 */
#ifndef CORE_IMAGE_H
#define CORE_IMAGE_H

#include "core/types.h"

extern const u8 __image_start[], __image_end[];
extern const u8 __text_start[], __text_end[];
extern const u8 __rodata_start[], __rodata_end[];
extern const u8 __data_start[], __data_end[];

#endif
