/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words after `fairlead.efi` in the UEFI shell or in a boot entry. Pure: the host tests it.
 */
#ifndef BOOT_OPTIONS_H
#define BOOT_OPTIONS_H

#include "boot/config.h"

struct options {
	bool probe;		    /* --probe */
	bool version;		    /* --version */
	char conf[CONFIG_PATH_MAX]; /* --conf=PATH; at first the default path */
};

/*
 * Reads a loaded image's load options: `size` bytes of UTF-16 (UEFI 2.10, 9.1), at any alignment. The shell
 * puts the program's name first; a boot entry need not, and some firmware puts binary data there: what is not
 * text is no options. 0, or -EINVAL with a sentence in error.
 */
int MUST_CHECK options_parse(struct options *out, const void *load_options, size_t size, char *error,
			     size_t error_size);

#endif
