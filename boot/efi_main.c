/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The EFI application: the steps from the firmware's call to the moment when Fairlead has the machine for
 * itself.
 *
 * Until ExitBootServices() every step can fail, says why in one line, and efi_main() gives everything back
 * and returns to the firmware. With --probe a failure is a finding, and the steps end with a report.
 */
#include "boot/boot_info.h"
#include "boot/discover.h"
#include "boot/efi_app.h"
#include "boot/firmware.h"
#include "boot/isolate.h"
#include "boot/options.h"
#include "boot/probe.h"
#include "boot/version.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"
#include "drivers/pci/pci.h"

#define POOL_BYTES ((u64)32 << 20)
#define PCI_DEVICES_MAX 1024
#define CONFIG_FILE_MAX ((u64)64 << 10)

struct efi_app efi;

/* debug=wait spins on this until gdb clears it, so it must exist by name. */
extern volatile int gdb_wait;
volatile int gdb_wait = 1;

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

static EFI_STATUS status_of(int err)
{
	switch (err) {
	case 0: return EFI_SUCCESS;
	case -EINVAL: return EFI_COMPROMISED_DATA;
	case -EOPNOTSUPP: return EFI_UNSUPPORTED;
	case -ENOMEM:
	case -ENOSPC: return EFI_OUT_OF_RESOURCES;
	default: return EFI_DEVICE_ERROR;
	}
}

/* ---- options and configuration ---- */

static EFI_STATUS find_ourselves(void)
{
	EFI_GUID guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
	EFI_STATUS status = efi.bs->HandleProtocol(efi.image, &guid, (void **)&efi.loaded);

	if (EFI_ERROR(status)) {
		log_error("firmware: no LoadedImage protocol (EFI status 0x%llx); update the firmware",
			  (unsigned long long)status);
		return status;
	}
	boot_info.image_base = virt_to_phys(efi.loaded->ImageBase);
	boot_info.image_size = ALIGN_UP(efi.loaded->ImageSize, PAGE_SIZE);
	return EFI_SUCCESS;
}

static EFI_STATUS read_options(struct options *options)
{
	char error[128];

	if (options_parse(options, efi.loaded->LoadOptions,
			  efi.loaded->LoadOptions ? efi.loaded->LoadOptionsSize : 0, error, sizeof(error))) {
		log_error("%s", error);
		return EFI_INVALID_PARAMETER;
	}
	return EFI_SUCCESS;
}

static EFI_STATUS parse_config(const char *path, const char *text, size_t length)
{
	char error[CONFIG_ERROR_MAX];

	if (config_parse(&boot_info.config, text, length, error)) {
		log_error("%s: %s", path, error);
		return EFI_INVALID_PARAMETER;
	}
	return EFI_SUCCESS;
}

static EFI_STATUS read_open_config(struct efi_file *file, const char *path)
{
	EFI_STATUS status;
	void *text;

	if (file->size > CONFIG_FILE_MAX) {
		log_error("%s: %llu bytes are too many for a configuration (at most %llu)", path,
			  (unsigned long long)file->size, (unsigned long long)CONFIG_FILE_MAX);
		return EFI_INVALID_PARAMETER;
	}
	status = efi.bs->AllocatePool(EfiLoaderData, file->size + 1, &text);
	if (EFI_ERROR(status)) {
		log_error("%s: no memory to read it; add RAM", path);
		return status;
	}
	status = efi_file_read(file, 0, text, file->size);
	if (EFI_ERROR(status))
		log_error("%s: cannot be read (EFI status 0x%llx); copy the file again", path,
			  (unsigned long long)status);
	else
		status = parse_config(path, text, (size_t)file->size);
	memset(text, 0, (size_t)file->size); /* this memory will be the guest's */
	efi.bs->FreePool(text);
	return status;
}

static EFI_STATUS read_config(const struct options *options, struct probe_findings *findings)
{
	struct efi_file file;
	EFI_STATUS status;

	config_defaults(&boot_info.config);
	status = efi_file_open(&file, options->conf);
	if (EFI_ERROR(status)) {
		findings->no_config = true;
		boot_info.config.probe = options->probe;
		if (options->probe)
			return EFI_SUCCESS;
		log_error("%s: no such file on Fairlead's volume; write one (kernel=... is the least), or "
			  "name another by --conf=PATH",
			  options->conf);
		return status;
	}
	status = read_open_config(&file, options->conf);
	efi_file_close(&file);
	if (options->probe)
		boot_info.config.probe = true;
	log_set_level(boot_info.config.loglevel);
	return status;
}

static void wait_for_gdb(void)
{
	log_info("image base 0x%llx; waiting for gdb", (unsigned long long)boot_info.image_base);
	while (gdb_wait)
		arch_cpu_relax();
}

/* ---- the machine ---- */

static EFI_STATUS check_cpu(struct probe_findings *findings)
{
	findings->cpu[0] = 0;
	if (!arch_check_cpu(findings->cpu, sizeof(findings->cpu)) || boot_info.config.probe)
		return EFI_SUCCESS;
	log_error("cpu: %s", findings->cpu);
	return EFI_UNSUPPORTED;
}

static EFI_STATUS read_firmware(void)
{
	EFI_STATUS status = efi_find_firmware();

	return EFI_ERROR(status) ? status : status_of(firmware_read_machine());
}

/* Sizing a BAR takes it away from its driver for a moment: nothing of the firmware may run meanwhile. */
static int enumerate_undisturbed(void)
{
	EFI_TPL old;
	int count;

	efi_console_hold();
	old = efi.bs->RaiseTPL(TPL_HIGH_LEVEL);
	count = pci_enumerate();
	efi.bs->RestoreTPL(old);
	efi_console_release();
	return count;
}

static EFI_STATUS find_devices(void)
{
	int err = firmware_config_access();

	if (err)
		return status_of(err);
	err = pci_objects_init(PCI_DEVICES_MAX);
	if (!err)
		err = enumerate_undisturbed();
	if (err < 0) {
		log_error("pci: more than %u devices or no memory for them (error %d)", PCI_DEVICES_MAX, err);
		return status_of(err);
	}
	log_info("pci: %d functions", err);
	return EFI_SUCCESS;
}

static EFI_STATUS find_iommus(struct probe_findings *findings)
{
	enum iommu_policy policy = boot_info.config.iommu;
	int err;

	/* A probe wants to know, not to be refused. */
	findings->iommu_units = discover_iommus(boot_info.config.probe ? IOMMU_OPTIONAL : policy);
	if (findings->iommu_units < 0)
		return status_of(findings->iommu_units);
	err = firmware_interrupts(&boot_info.config);
	if (err)
		return status_of(err);
	findings->hidden = discover_hide_devices(&boot_info.config, (unsigned int)findings->iommu_units);
	return status_of(isolate_devices(findings->iommu_units > 0, boot_info.config.probe));
}

/* Where memory begins: machines of one make agree on that to the gibibyte, whatever the firmware keeps for itself there. */
static paddr_t start_of_ram(void)
{
	unsigned int i;

	for (i = 0; i < boot_info.memmap.count; i++) {
		if (boot_info.memmap.range[i].type == MEM_RAM)
			return ALIGN_DOWN(boot_info.memmap.range[i].base, SIZE_1G);
	}
	return 0;
}

/*
 * A place that the next boot will choose again: where the record of a panic survives a warm reset. The
 * contents stay, for the record of the last run may be there.
 */
static void reserve_panic_record(void)
{
	static const u64 candidates_mib[] = { 32, 48, 64, 96, 128, 192, 256 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(candidates_mib); i++) {
		paddr_t at = start_of_ram() + (candidates_mib[i] << 20);

		if (efi_alloc_record(at)) {
			boot_info.panic_record = at;
			return;
		}
	}
	log_warn("memory: no page for the record of a panic");
}

/* Fills what boot_info says of the machine, the devices and the IOMMUs. In a probe each step is tried whatever became of the
 * one before. */
static EFI_STATUS look_at_machine(struct probe_findings *findings)
{
	bool probe = boot_info.config.probe;
	EFI_STATUS status = check_cpu(findings);

	if (!EFI_ERROR(status))
		status = efi_memory_init(POOL_BYTES);
	if (!EFI_ERROR(status))
		status = efi_read_memmap();
	if (EFI_ERROR(status))
		return status;
	status = read_firmware();
	findings->no_firmware = EFI_ERROR(status);
	if (!EFI_ERROR(status) || probe)
		status = find_devices();
	if (!EFI_ERROR(status) || probe)
		status = find_iommus(findings);
	return probe ? EFI_SUCCESS : status;
}

/* Returns only with an error, or after a probe or --version. */
static EFI_STATUS run(void)
{
	struct probe_findings findings = { .cpu = "" };
	struct options options;
	EFI_STATUS status = find_ourselves();

	if (!EFI_ERROR(status))
		status = read_options(&options);
	if (EFI_ERROR(status))
		return status;
	log_info("Fairlead " FAIRLEAD_VERSION);
	if (options.version)
		return EFI_SUCCESS;
	status = read_config(&options, &findings);
	if (EFI_ERROR(status))
		return status;
	if (boot_info.config.debug_wait)
		wait_for_gdb();
	status = look_at_machine(&findings);
	if (EFI_ERROR(status))
		return status;
	efi_reserve_for_cpus();
	if (boot_info.config.probe) {
		probe_report(&findings);
		return EFI_SUCCESS;
	}
	reserve_panic_record();
	status = efi_load_guest();
	if (!EFI_ERROR(status))
		status = efi_exit_boot_services();
	if (!EFI_ERROR(status))
		arch_start();
	return status;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	EFI_STATUS status;

	boot_info.tsc_at_entry = arch_cycles();
	efi.image = image;
	efi.system = system;
	efi.bs = system->BootServices;
	efi_console_init();
	efi.bs->SetWatchdogTimer(0, 0, 0, NULL); /* five minutes by default: too short for a wait for gdb */
	status = run();
	efi_free_all();
	log_set_sink(NULL);
	return status;
}
