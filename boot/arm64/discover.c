/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the device tree says of the machine, put where the rest of Fairlead looks for it.
 */
#include "arch/arm64/cpu.h"
#include "arch/arm64/vgic.h"
#include "boot/boot_info.h"
#include "boot/discover.h"
#include "boot/firmware.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "drivers/iommu/smmuv3/smmuv3.h"
#include "drivers/pci/pci.h"

#define BUS_SHIFT 20 /* ECAM: a bus has 1 MiB (PCIe base spec 6.0, 7.2.2) */

static int choose_console(const void *tree)
{
	u64 base = boot_info.config.console_base;

	if (base == CONSOLE_NONE)
		boot_info.dt.uart = (struct dt_uart){ .kind = DT_UART_NONE };
	return base && base != CONSOLE_NONE ? dt_choose_uart(tree, base, &boot_info.dt) : 0;
}

/* At the ITS's address: the guest never sees the ITS, and nothing else can be there. */
static int place_frame(void)
{
	const struct dt_machine *dt = &boot_info.dt;
	int spis;

	boot_info.frame = (struct vgic_frame){ 0 };
	spis = gic_peek_spis(dt->gicd.base);
	if (spis < 0) {
		log_error("GIC: the distributor at 0x%llx is no GICv3's", (unsigned long long)dt->gicd.base);
		return -EOPNOTSUPP;
	}
	if (dt->its.size)
		boot_info.frame = vgic_frame_for((unsigned int)spis, dt->its.base);
	return 0;
}

int firmware_read_machine(void)
{
	const void *tree = phys_to_virt(boot_info.firmware_tree);
	int err = dt_read_machine(tree, (size_t)boot_info.firmware_tree_size, &boot_info.dt);

	if (!err)
		err = dt_boot_cpu_first(&boot_info.dt, cpu_mpidr_self());
	if (!err)
		err = choose_console(tree);
	if (err)
		return err;
	boot_info.firmware_tree_size = dt_size(tree);
	return place_frame();
}

int firmware_config_access(void)
{
	const struct dt_machine *dt = &boot_info.dt;
	struct ecam_window window[DT_PCI_HOSTS_MAX];
	int ret;

	for (unsigned int i = 0; i < dt->pci_hosts; i++) {
		const struct dt_pci_host *host = &dt->pci_host[i];

		/* The tree states where the first bus is, a window where bus 0 would be. */
		window[i] = (struct ecam_window){ host->ecam.base - ((u64)host->first_bus << BUS_SHIFT),
						  host->segment, host->first_bus, host->last_bus };
	}
	if (!dt->pci_hosts) {
		log_warn("device tree: no PCI host (pci-host-ecam-generic): the guest gets no devices");
		return arch_pci_cfg_init();
	}
	ret = pci_ecam_set(window, dt->pci_hosts, "device tree: PCI hosts");
	return ret < 0 ? ret : arch_pci_cfg_init();
}

int firmware_iommus(enum iommu_policy policy)
{
	int units;

	if (!boot_info.dt.smmu.units)
		return discover_without_iommu(policy, "the device tree names no SMMUv3");
	units = smmuv3_discover(&boot_info.dt.smmu);
	if (!units)
		return discover_without_iommu(policy, "none of the device tree's SMMUs is usable");
	return units;
}

/*
 * The ITS takes a message only as the DeviceID of who sent it, which hardware tells it; where there is no ITS
 * there are no messages. So whatever intremap= asks for is given.
 */
int firmware_interrupts(const struct config *config UNUSED)
{
	return 0;
}
