/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by boot/efi_*.c, the only files that call the firmware. All of it runs before ExitBootServices, on
 * one CPU, and memory that is taken here is either handed on in boot_info or given back by efi_free_all().
 */
#ifndef BOOT_EFI_APP_H
#define BOOT_EFI_APP_H

#include <efi.h>

#include "boot/place.h"
#include "core/types.h"

struct efi_app {
	EFI_HANDLE image;
	EFI_SYSTEM_TABLE *system;
	EFI_BOOT_SERVICES *bs;
	EFI_LOADED_IMAGE *loaded;
};
extern struct efi_app efi;

/* ---- efi_console.c: log lines on the firmware's console ---- */

void efi_console_init(void);
/* Between these two the firmware's console is not called (it must not be at a high TPL): lines wait, and
 * what does not fit is counted. */
void efi_console_hold(void);
void efi_console_release(void);

/* ---- efi_file.c: files of the volume that Fairlead was loaded from ---- */

struct efi_file {
	EFI_FILE_HANDLE handle;
	u64 size; /* bytes */
};

/* Slashes and backslashes both separate. EFI_NOT_FOUND: no such file (or a folder); others: the
 * firmware's. Nothing is logged. */
EFI_STATUS efi_file_open(struct efi_file *file, const char *path);
/* All `bytes` from `offset`, or an error: EFI_END_OF_FILE when there are not that many. */
EFI_STATUS efi_file_read(struct efi_file *file, u64 offset, void *buffer, u64 bytes);
void efi_file_close(struct efi_file *file);

/* ---- efi_memory.c: memory, its map, and leaving boot services ---- */

enum efi_owner {
	EFI_OWNED_BY_US,    /* reserved for the firmware and the guest */
	EFI_OWNED_BY_GUEST, /* becomes the guest's RAM */
	EFI_OWNED_TABLES,   /* ACPI tables for the guest */
};

/* The pool for core/pages, and from it what the functions below need. Logs its error. */
EFI_STATUS efi_memory_init(u64 pool_bytes);
/*
 * Memory for the guest's things: free now, within what memory= leaves, at a place that `request` allows.
 * Contents as the firmware left them. EFI_OUT_OF_RESOURCES: no room; nothing is logged, for the caller knows
 * what to name.
 */
EFI_STATUS efi_alloc_place(const struct place_request *request, enum efi_owner owner, paddr_t *base);
/* One page of ours at exactly this address, its contents left alone. False: not to be had. */
bool efi_alloc_record(paddr_t at);
/* Reads the firmware's map into boot_info.memmap, with what is ours and what memory= cuts off. Logs its
 * error. */
EFI_STATUS efi_read_memmap(void);
/*
 * Leaves boot services. On EFI_SUCCESS boot_info.memmap and the guest's are final and the firmware is
 * gone: nothing of it may be called. Otherwise it logged an error; the firmware is still there.
 */
EFI_STATUS efi_exit_boot_services(void);
/* Gives back all memory, zeroed but for the panic record. */
void efi_free_all(void);

/* ---- efi_load.c: reading what the guest starts with ---- */

/* Each logs its error, naming the configuration's key and the path. */
EFI_STATUS efi_open_or_explain(struct efi_file *file, const char *key, const char *path);
EFI_STATUS efi_unreadable(const char *key, const char *path, EFI_STATUS status);
/* `where`: empty, or as " below 4 GiB". */
EFI_STATUS efi_no_room(const char *key, const char *path, u64 size, const char *where);
/*
 * The initrd that the configuration names, as high as the request's limits allow; size 0: it names none. Logs
 * its error.
 */
EFI_STATUS efi_load_initrd(struct place_request request, const char *where, paddr_t *base, u64 *size);

/* ---- by architecture: boot/<name>/efi_firmware.c ---- */

/*
 * The firmware's description of the machine (firmware.h) found: boot_info says where. boot_info.memmap is
 * filled. Logs its error.
 */
EFI_STATUS efi_find_firmware(void);
/*
 * What waking the other CPUs needs; without it the guest has fewer, after a warning. The description was
 * read.
 */
void efi_reserve_for_cpus(void);

/* ---- by architecture: boot/<name>/efi_guest.c ---- */

/* Kernel, initrd, command line, tables or tree: all in place, boot_info says where. Logs its error. */
EFI_STATUS efi_load_guest(void);
/*
 * Writes boot_info.memmap, which is final if boot services can now be left, to where the guest looks for it.
 * May be called again. Says nothing unless it fails: printing may change the firmware's map.
 */
EFI_STATUS efi_finish_guest(void);

#endif
