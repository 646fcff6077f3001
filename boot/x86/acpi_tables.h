/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ACPI structures that boot/acpi*.c read, as the ACPI specification 6.5 lays them out, and what these
 * files share. Tables lie at any address, so everything is packed.
 */
#ifndef BOOT_ACPI_TABLES_H
#define BOOT_ACPI_TABLES_H

#include "core/acpi_header.h"
#include "boot/x86/acpi.h"

#define ACPI_RSDP_SIGNATURE "RSD PTR "
#define ACPI_SIGNATURE_BYTES 4u
#define ACPI_TABLE_MAX ((u64)16 << 20) /* no table of a real machine comes near: a longer one is malformed */
#define ACPI_ROOT_ENTRIES_MAX 512u

/* Root System Description Pointer, 5.2.5.3. */
struct PACKED acpi_rsdp {
	char signature[8];
	u8 checksum; /* over the first 20 bytes */
	char oem_id[6];
	u8 revision; /* 0: ACPI 1.0, ends before `length` */
	u32 rsdt_address;
	u32 length;
	u64 xsdt_address;
	u8 extended_checksum; /* over all */
	u8 reserved[3];
};
#define ACPI_RSDP_V1_SIZE 20u
static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI 6.5, table 5.3");
static_assert(offsetof(struct acpi_rsdp, length) == ACPI_RSDP_V1_SIZE, "ACPI 6.5, table 5.3");

/* Generic Address Structure, 5.2.3.2. */
struct PACKED acpi_gas {
	u8 space;
	u8 bit_width;
	u8 bit_offset;
	u8 access_size;
	u64 address;
};
#define ACPI_SPACE_MEMORY 0
#define ACPI_SPACE_IO 1
static_assert(sizeof(struct acpi_gas) == 12, "ACPI 6.5, table 5.1");

/* Fixed ACPI Description Table, 5.2.9. Older revisions end earlier: see has_field() in acpi_machine.c. */
struct PACKED acpi_fadt {
	struct acpi_header header;
	u32 firmware_ctrl;
	u32 dsdt;
	u8 reserved1;
	u8 preferred_pm_profile;
	u16 sci_int;
	u32 smi_cmd;
	u8 acpi_enable;
	u8 acpi_disable;
	u8 s4bios_req;
	u8 pstate_cnt;
	u32 pm1a_evt_blk;
	u32 pm1b_evt_blk;
	u32 pm1a_cnt_blk;
	u32 pm1b_cnt_blk;
	u32 pm2_cnt_blk;
	u32 pm_tmr_blk;
	u32 gpe0_blk;
	u32 gpe1_blk;
	u8 pm1_evt_len;
	u8 pm1_cnt_len;
	u8 pm2_cnt_len;
	u8 pm_tmr_len;
	u8 gpe0_blk_len;
	u8 gpe1_blk_len;
	u8 gpe1_base;
	u8 cst_cnt;
	u16 p_lvl2_lat;
	u16 p_lvl3_lat;
	u16 flush_size;
	u16 flush_stride;
	u8 duty_offset;
	u8 duty_width;
	u8 day_alrm;
	u8 mon_alrm;
	u8 century;
	u16 iapc_boot_arch;
	u8 reserved2;
	u32 flags;
	struct acpi_gas reset_reg;
	u8 reset_value;
	u16 arm_boot_arch;
	u8 minor_version;
	u64 x_firmware_ctrl;
	u64 x_dsdt;
	struct acpi_gas x_pm1a_evt_blk;
	struct acpi_gas x_pm1b_evt_blk;
	struct acpi_gas x_pm1a_cnt_blk;
	struct acpi_gas x_pm1b_cnt_blk;
};
#define ACPI_FADT_V1_SIZE 116u /* ACPI 1.0: up to and with flags */
#define ACPI_FADT_RESET_REG_SUP BIT32(10)
#define ACPI_FADT_HW_REDUCED BIT32(20)
static_assert(offsetof(struct acpi_fadt, smi_cmd) == 48, "ACPI 6.5, table 5.9");
static_assert(offsetof(struct acpi_fadt, pm1_evt_len) == 88, "ACPI 6.5, table 5.9");
static_assert(offsetof(struct acpi_fadt, flags) == 112, "ACPI 6.5, table 5.9");
static_assert(offsetof(struct acpi_fadt, reset_reg) == 116, "ACPI 6.5, table 5.9");
static_assert(offsetof(struct acpi_fadt, x_dsdt) == 140, "ACPI 6.5, table 5.9");
static_assert(offsetof(struct acpi_fadt, x_pm1a_cnt_blk) == 172, "ACPI 6.5, table 5.9");
static_assert(sizeof(struct acpi_fadt) == 196, "ACPI 6.5, table 5.9");

/* IA-PC High Precision Event Timer specification 1.0a, 3.2.4. */
struct PACKED acpi_hpet {
	struct acpi_header header;
	u32 event_timer_block_id;
	struct acpi_gas base_address;
	u8 hpet_number;
	u16 main_counter_minimum;
	u8 page_protection;
};
static_assert(sizeof(struct acpi_hpet) == 56, "HPET 1.0a, table 3");

/* Multiple APIC Description Table, 5.2.12. Entries follow. */
struct PACKED acpi_madt {
	struct acpi_header header;
	u32 lapic_address;
	u32 flags;
};
static_assert(sizeof(struct acpi_madt) == 44, "ACPI 6.5, table 5.19");

enum madt_type { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_LAPIC_ADDRESS = 5, MADT_X2APIC = 9 }; /* table 5.21 */

struct PACKED madt_entry {
	u8 type;
	u8 length; /* these two bytes included */
};

struct PACKED madt_lapic { /* 5.2.12.2 */
	struct madt_entry entry;
	u8 uid;
	u8 apic_id;
	u32 flags;
};

struct PACKED madt_ioapic { /* 5.2.12.3 */
	struct madt_entry entry;
	u8 id;
	u8 reserved;
	u32 address;
	u32 gsi_base;
};

struct PACKED madt_lapic_address { /* 5.2.12.8 */
	struct madt_entry entry;
	u16 reserved;
	u64 address;
};

struct PACKED madt_x2apic { /* 5.2.12.12 */
	struct madt_entry entry;
	u16 reserved;
	u32 apic_id;
	u32 flags;
	u32 uid;
};
/* Broadcast, so no CPU has it (Intel SDM vol. 3A, 11.6.2.1 and 11.12.9). */
#define MADT_LAPIC_BROADCAST 0xffu
#define MADT_NO_CPU 0xffffffffu
/* Table 5.23. Only Enabled makes a CPU that can be used now; with Online Capable alone it may come later. */
#define MADT_CPU_ENABLED BIT32(0)
#define MADT_CPU_ONLINE_CAPABLE BIT32(1)
static_assert(sizeof(struct madt_lapic) == 8, "ACPI 6.5, table 5.22");
static_assert(sizeof(struct madt_ioapic) == 12, "ACPI 6.5, table 5.24");
static_assert(sizeof(struct madt_lapic_address) == 12, "ACPI 6.5, table 5.30");
static_assert(sizeof(struct madt_x2apic) == 16, "ACPI 6.5, table 5.34");

/* ---- shared by acpi*.c ---- */

/* The bytes' sum modulo 256: 0 for a table with the right checksum. */
u8 acpi_sum(const void *bytes, size_t n);
/* The table at `pa` if it can be read, has the signature, a plausible length of at least its header's and the
 * right checksum; else NULL with *why (never NULL then) in a few words. */
const struct acpi_header *acpi_table_at(paddr_t pa, const char signature[4], const char **why);
/* The root table's list, in order: the address of entry i (0 <= i < acpi_root_count()). */
unsigned int acpi_root_count(void);
paddr_t acpi_root_entry(unsigned int i);
/* The header of what a root entry points to, unchecked but for being readable; NULL: not readable. */
const struct acpi_header *acpi_root_header(unsigned int i);
const struct acpi_rsdp *acpi_root_pointer(void);

/* Walks the MADT's entries. *offset starts as 0. True: *entry is whole and as long as its type asks; false at
 * the end or at a malformed entry, when *malformed is set. */
bool madt_next(const struct acpi_madt *madt, size_t *offset, const struct madt_entry **entry,
	       bool *malformed);
/*
 * Is it a CPU's entry? Then its APIC ID and where its flags are. An entry with the ID that addresses all CPUs
 * at once has MADT_NO_CPU, whatever its form: firmware fills the places of absent CPUs so, and a message to
 * it would reach everyone.
 */
bool madt_cpu(const struct madt_entry *entry, u32 *apic_id, size_t *flags_offset);

/*
 * Looks in AML (length bytes) for the definition of \_S5 (ACPI 6.5, 7.4.2) and reads the first two numbers of
 * its package. Bounded by length whatever the bytes are. False: not there, or not in the form of a package of
 * constants from 0 to 7.
 */
bool aml_find_s5(const u8 *aml, size_t length, u8 *type_a, u8 *type_b);

#endif
