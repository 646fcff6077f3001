/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The few facts that Fairlead takes from ACPI: ports of the power management registers, how to reset, where
 * the interrupt controllers and the HPET are, how many CPUs there are.
 *
 * These decide what is trapped. So a table that contradicts itself is refused, not used in part.
 */
#include "boot/x86/acpi_tables.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#define LAPIC_DEFAULT_BASE 0xfee00000u /* where a machine without a MADT has it (Intel SDM vol. 3, 11.4.1) */

/* FADTs of older revisions are shorter: is the field in this one? */
#define has_field(fadt, field) \
	((fadt)->header.length >= offsetof(struct acpi_fadt, field) + sizeof((fadt)->field))

/* The wanted table; NULL with *err 0: there is none, -EINVAL: there is, but it is wrong. */
static const void *find_checked(const char signature[4], size_t minimum, int *err)
{
	size_t length;
	bool malformed;
	const void *table = acpi_find(signature, 0, &length, &malformed);

	*err = 0;
	if (malformed || (table && length < minimum)) {
		log_error("ACPI: %.4s: malformed (checksum or length); update the firmware", signature);
		*err = -EINVAL;
		return NULL;
	}
	return table;
}

/* A register block: the extended field counts where it states an I/O port, else the old one. False: no I/O
 * port at all. */
static bool block_port(u32 old_field, const struct acpi_gas *extended, u16 *port)
{
	u64 address = old_field;

	if (extended && extended->address && extended->space == ACPI_SPACE_IO)
		address = extended->address;
	*port = (u16)address;
	return address <= 0xffff;
}

static int read_pm1(const struct acpi_fadt *fadt, struct acpi_machine *out)
{
	bool x = has_field(fadt, x_pm1b_cnt_blk);

	if (fadt->flags & ACPI_FADT_HW_REDUCED) /* 3.11.1: these registers do not exist */
		return 0;
	out->pm1_event_length = fadt->pm1_evt_len;
	if (!block_port(fadt->pm1a_evt_blk, x ? &fadt->x_pm1a_evt_blk : NULL, &out->pm1a_event) ||
	    !block_port(fadt->pm1b_evt_blk, x ? &fadt->x_pm1b_evt_blk : NULL, &out->pm1b_event) ||
	    !block_port(fadt->pm1a_cnt_blk, x ? &fadt->x_pm1a_cnt_blk : NULL, &out->pm1a_control) ||
	    !block_port(fadt->pm1b_cnt_blk, x ? &fadt->x_pm1b_cnt_blk : NULL, &out->pm1b_control) ||
	    fadt->smi_cmd > 0xffff) {
		log_error("ACPI: FACP: a register block is not in I/O space; update the firmware");
		return -EINVAL;
	}
	out->smi_command = (u16)fadt->smi_cmd;
	out->acpi_enable = fadt->acpi_enable;
	out->acpi_disable = fadt->acpi_disable;
	return 0;
}

static void read_reset(const struct acpi_fadt *fadt, struct acpi_machine *out)
{
	if (!has_field(fadt, reset_value) || !(fadt->flags & ACPI_FADT_RESET_REG_SUP) ||
	    !fadt->reset_reg.address)
		return;
	out->reset_supported = true;
	out->reset_space = fadt->reset_reg.space;
	out->reset_address = fadt->reset_reg.address;
	out->reset_value = fadt->reset_value;
}

static bool s5_in_table(const struct acpi_header *table, struct acpi_machine *out)
{
	return aml_find_s5((const u8 *)(table + 1), table->length - sizeof(*table), &out->s5_type_a,
			   &out->s5_type_b);
}

/* Without _S5 the guest cannot switch the machine off, and that is all: a warning, no refusal. */
static void read_s5(const struct acpi_fadt *fadt, struct acpi_machine *out)
{
	paddr_t pa = has_field(fadt, x_dsdt) && fadt->x_dsdt ? fadt->x_dsdt : fadt->dsdt;
	const struct acpi_header *table;
	const char *why;
	unsigned int n;
	size_t length;

	table = acpi_table_at(pa, "DSDT", &why);
	if (!table)
		log_warn("ACPI: DSDT: %s; the table is not used", why);
	else
		out->s5_known = s5_in_table(table, out);
	for (n = 0; !out->s5_known && (table = acpi_find("SSDT", n, &length, NULL)); n++)
		out->s5_known = s5_in_table(table, out);
	if (!out->s5_known)
		log_warn("ACPI: no \\_S5 in DSDT or SSDT; the guest cannot switch the machine off");
}

static int read_fadt(struct acpi_machine *out)
{
	const struct acpi_fadt *fadt;
	int err;

	fadt = find_checked("FACP", ACPI_FADT_V1_SIZE, &err);
	if (!fadt) {
		if (!err)
			log_error("ACPI: FACP: the firmware has no such table, and every ACPI machine must; "
				  "update the firmware");
		return -EINVAL;
	}
	err = read_pm1(fadt, out);
	if (err)
		return err;
	read_reset(fadt, out);
	read_s5(fadt, out);
	return 0;
}

static int read_hpet(struct acpi_machine *out)
{
	const struct acpi_hpet *hpet;
	int err;

	hpet = find_checked("HPET", sizeof(*hpet), &err);
	if (!hpet)
		return err;
	/* It can write its interrupt message anywhere, so the guest must not find it by chance: an address
	 * is needed. */
	if (hpet->base_address.space != ACPI_SPACE_MEMORY || !hpet->base_address.address) {
		log_error("ACPI: HPET: its registers are not in memory; update the firmware");
		return -EINVAL;
	}
	out->hpet_base = hpet->base_address.address;
	out->hpet_number = hpet->hpet_number;
	return 0;
}

/* ---- MADT ---- */

static size_t madt_entry_minimum(u8 type)
{
	switch (type) {
	case MADT_LAPIC: return sizeof(struct madt_lapic);
	case MADT_IOAPIC: return sizeof(struct madt_ioapic);
	case MADT_LAPIC_ADDRESS: return sizeof(struct madt_lapic_address);
	case MADT_X2APIC: return sizeof(struct madt_x2apic);
	default: return sizeof(struct madt_entry);
	}
}

bool madt_next(const struct acpi_madt *madt, size_t *offset, const struct madt_entry **entry, bool *malformed)
{
	size_t end = madt->header.length;
	const struct madt_entry *e;

	*malformed = false;
	if (*offset == 0)
		*offset = sizeof(*madt);
	if (*offset >= end)
		return false;
	e = (const void *)((const u8 *)madt + *offset);
	if (end - *offset < sizeof(*e) || e->length < madt_entry_minimum(e->type) ||
	    e->length > end - *offset) {
		*malformed = true;
		return false;
	}
	*offset += e->length;
	*entry = e;
	return true;
}

bool madt_cpu(const struct madt_entry *entry, u32 *apic_id, size_t *flags_offset)
{
	if (entry->type == MADT_LAPIC) {
		*apic_id = ((const struct madt_lapic *)(const void *)entry)->apic_id;
		if (*apic_id == MADT_LAPIC_BROADCAST)
			*apic_id = MADT_NO_CPU;
		*flags_offset = offsetof(struct madt_lapic, flags);
		return true;
	}
	if (entry->type == MADT_X2APIC) {
		*apic_id = ((const struct madt_x2apic *)(const void *)entry)->apic_id;
		*flags_offset = offsetof(struct madt_x2apic, flags);
		return true;
	}
	return false;
}

static bool is_listed(const struct acpi_machine *machine, u32 id)
{
	for (unsigned int i = 0; i < machine->cpus; i++) {
		if (machine->cpu_apic_id[i] == id)
			return true;
	}
	return false;
}

/* An enabled CPU. Some firmware lists one with a small APIC ID in both forms: that is one CPU. */
static void add_cpu(const struct madt_entry *entry, struct acpi_machine *out)
{
	size_t flags_offset;
	u32 id, flags;

	if (!madt_cpu(entry, &id, &flags_offset))
		return;
	memcpy(&flags, (const u8 *)entry + flags_offset, sizeof(flags));
	if (!(flags & MADT_CPU_ENABLED) || id == MADT_NO_CPU || is_listed(out, id))
		return;
	if (out->cpus == CPUS_MAX)
		out->more_cpus = true;
	else
		out->cpu_apic_id[out->cpus++] = id;
}

static int add_ioapic(const struct madt_ioapic *ioapic, struct acpi_machine *out)
{
	if (out->ioapics == ACPI_IOAPICS_MAX) {
		log_error("ACPI: APIC: more than %u I/O APICs; Fairlead cannot trap them all on this machine",
			  ACPI_IOAPICS_MAX);
		return -EINVAL;
	}
	out->ioapic[out->ioapics].base = ioapic->address;
	out->ioapic[out->ioapics].gsi_base = ioapic->gsi_base;
	out->ioapic[out->ioapics].id = ioapic->id;
	out->ioapics++;
	return 0;
}

static int read_madt(struct acpi_machine *out)
{
	const struct acpi_madt *madt;
	const struct madt_entry *entry;
	size_t offset = 0;
	bool malformed;
	int err;

	madt = find_checked("APIC", sizeof(*madt), &err);
	if (!madt) {
		if (err)
			return err;
		log_warn("ACPI: APIC: the firmware has no such table; taking it for a machine with one CPU "
			 "and no I/O APIC");
		out->lapic_base = LAPIC_DEFAULT_BASE;
		out->cpus = 1;
		return 0;
	}
	out->lapic_base = madt->lapic_address;
	while (madt_next(madt, &offset, &entry, &malformed)) {
		add_cpu(entry, out);
		if (entry->type == MADT_LAPIC_ADDRESS)
			out->lapic_base = ((const struct madt_lapic_address *)(const void *)entry)->address;
		if (entry->type == MADT_IOAPIC) {
			err = add_ioapic((const void *)entry, out);
			if (err)
				return err;
		}
	}
	if (malformed) {
		log_error("ACPI: APIC: the entry at offset %zu is malformed; update the firmware", offset);
		return -EINVAL;
	}
	if (!out->cpus) {
		log_error("ACPI: APIC: no CPU is enabled; update the firmware");
		return -EINVAL;
	}
	if (out->more_cpus)
		log_warn("ACPI: APIC: more than %u CPUs; those beyond are not used", CPUS_MAX);
	return 0;
}

int acpi_read_machine(struct acpi_machine *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = read_fadt(out);
	if (!err)
		err = read_madt(out);
	if (!err)
		err = read_hpet(out);
	return err;
}
