/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host builds only: where a unit test hooks in its model of a device (core/mmio.h). Empty in the image.
 */
#include "core/mmio.h"

#ifdef FL_HOST
bool (*host_mmio_read)(const volatile void *addr, unsigned int size, u64 *value);
bool (*host_mmio_write)(volatile void *addr, unsigned int size, u64 value);
#endif
