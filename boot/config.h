/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fairlead.conf: key=value lines, # comments, and device lines "device SELECTOR: option option". The parser
 * is pure (no firmware), so the host tests it; it never guesses: a line it does not understand is an error
 * that names the line and the key.
 */
#ifndef BOOT_CONFIG_H
#define BOOT_CONFIG_H

#include "core/log.h"
#include "core/types.h"
#include "drivers/iommu/intr.h"

enum iommu_policy { IOMMU_REQUIRED, IOMMU_OPTIONAL, IOMMU_OFF };
enum device_match { MATCH_SBDF, MATCH_ID, MATCH_CLASS };

struct device_rule {
	enum device_match match;
	u16 segment, bdf;   /* MATCH_SBDF */
	u16 vendor, device; /* MATCH_ID */
	u32 class_code, class_mask;
	bool hide, reset_none, group_mixed;
};

/* What the rules say of one function. */
struct device_options {
	bool reset_none;  /* reset=none: may change hands without a reset */
	bool group_mixed; /* group=mixed: its isolation group may have several owners */
};

#define CONFIG_PATH_MAX 128
#define CONFIG_CMDLINE_MAX 2048
#define CONFIG_DEVICE_RULES 32
#define CONFIG_ERROR_MAX 160

#define CONSOLE_NONE (~(u64)0)

struct config {
	char kernel[CONFIG_PATH_MAX]; /* path on Fairlead's own volume; backslashes or slashes */
	char initrd[CONFIG_PATH_MAX]; /* empty: none */
	char cmdline[CONFIG_CMDLINE_MAX];
	u64 memory;	   /* bytes of RAM for the guest; 0: all */
	unsigned int cpus; /* 0: all */
	enum iommu_policy iommu;
	enum intr_policy intremap;
	u16 console_port;  /* I/O port of the 16550; 0: none */
	u64 console_base;  /* arm64: the UART by its registers; 0: that of the tree's stdout-path; CONSOLE_NONE */
	enum log_level loglevel;
	char monitor_escape; /* the control character that, three times, takes the keyboard; 0: no monitor */
	bool probe;	 /* report and return */
	bool debug_wait;     /* debug=wait: print the image base and wait for gdb */
	bool debug_crash;    /* debug=crash: write to read-only memory, to see a panic's dump and record */
	bool debug_overflow; /* debug=overflow: the same by running out of stack */
	bool debug_lost_cpu; /* debug=lostcpu: the last CPU is not woken, to see it left out */
	bool debug_timer;    /* debug=timer: a line a second on how late timers and deferred work are */
	unsigned int rules;
	struct device_rule rule[CONFIG_DEVICE_RULES];
};

void config_defaults(struct config *config);
/*
 * Parses `length` bytes of text over what `config` holds (LF, CRLF or CR line ends; UTF-8 BOM allowed; NUL
 * bytes are an error; last line may lack its end). 0, or -EINVAL with one sentence in error[CONFIG_ERROR_MAX]
 * that names the line number, the key and what to do. Boot.
 */
int MUST_CHECK config_parse(struct config *config, const char *text, size_t length, char *error);
/* True if the rule list says that this function is hidden. The last matching rule wins, but one that only has other options says
 * nothing of it. */
bool config_hides(const struct config *config, u16 segment, u16 bdf, u16 vendor, u16 device, u32 class_code);
/* The other options: of all rules that match. */
struct device_options config_device_options(const struct config *config, u16 segment, u16 bdf, u16 vendor, u16 device,
					    u32 class_code);

#endif
