/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fairlead's version, as --version and the boot log print it.
 */
#ifndef BOOT_VERSION_H
#define BOOT_VERSION_H

#define FAIRLEAD_VERSION "0.1"

#endif
