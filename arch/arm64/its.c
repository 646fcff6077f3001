/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts the ITS: whatever firmware did with it ends, and it gets Fairlead's tables and queue. Then each CPU
 * starts its own part. It guards that the ITS is on only with all of that.
 */
#include "arch/arm64/its.h"

#include "arch/arm64/its_internal.h"
#include "core/arch.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/mmio.h"

struct its its;

paddr_t its_doorbell(const struct dt_machine *dt)
{
	return dt->its.size ? (dt->its.base + GITS_TRANSLATER) & PAGE_MASK : 0;
}

/* Off, and nothing of it is on its way any more. */
static int MUST_CHECK stop(void)
{
	const u64 start = arch_time_us();
	const u32 ctlr = mmio_read32(its.regs + GITS_CTLR);

	mmio_write32(its.regs + GITS_CTLR, ctlr & ~GITS_CTLR_ENABLED);
	while (!(mmio_read32(its.regs + GITS_CTLR) & GITS_CTLR_QUIESCENT)) {
		if (arch_time_us() - start > ITS_TIMEOUT_US) {
			log_error("its: it does not come to rest after firmware's use: messages stay off");
			return -ETIMEDOUT;
		}
		arch_cpu_relax();
	}
	return 0;
}

static int MUST_CHECK look_at(void)
{
	its.typer = mmio_read64(its.regs + GITS_TYPER);
	if (its.typer == ~0ull || !(its.typer & GITS_TYPER_PHYSICAL)) {
		log_error("its: no ITS for physical LPIs at 0x%llx (GITS_TYPER 0x%llx)",
			  (unsigned long long)its.dt->its.base, (unsigned long long)its.typer);
		return -EOPNOTSUPP;
	}
	for (unsigned int cpu = 0; cpu < its.cpus; cpu++)
		its.target[cpu] = (its.typer & GITS_TYPER_PTA ? virt_to_phys(gic_redistributor(cpu))
							      : (u64)gic_processor_number(cpu) << 16) &
				  ITS_TARGET;
	return 0;
}

static int MUST_CHECK make(void)
{
	int ret = look_at();

	ret = ret ? ret : stop();
	ret = ret ? ret : its_tables_init();
	ret = ret ? ret : its_lpi_init();
	ret = ret ? ret : its_events_init();
	return ret ? ret : its_queue_init();
}

int its_init(const struct dt_machine *dt, unsigned int cpus, const struct vgic_frame *frame)
{
	int ret;

	its.regs = NULL;
	atomic_store(&its.started, 0);
	pci_msi_set_ops(NULL);
	if (!dt->its.size) {
		log_warn("its: the machine has none: devices get no message interrupts");
		return -ENODEV;
	}
	if (dt->its.size < GITS_PAGES_SIZE) {
		log_error("its: its registers have 0x%llx bytes in the device tree, not 0x%x",
			  (unsigned long long)dt->its.size, GITS_PAGES_SIZE);
		return -EOPNOTSUPP;
	}
	ret = arch_map_registers(dt->its.base, GITS_PAGES_SIZE);
	if (ret) {
		log_error("its: its registers cannot be mapped (%d)", ret);
		return ret;
	}
	its.dt = dt;
	its.frame = *frame;
	its.cpus = cpus;
	its.regs = phys_to_virt(dt->its.base);
	ret = make();
	if (ret) {
		its.regs = NULL;
		return ret;
	}
	arch_io_barrier(); /* the tables before the bit */
	mmio_write32(its.regs + GITS_CTLR, GITS_CTLR_ENABLED);
	pci_msi_set_ops(&its_message_ops);
	log_info("its: at 0x%llx: %u events, DeviceIDs of %u bits, EventIDs of %u bits",
		 (unsigned long long)dt->its.base, its.events, GITS_TYPER_DEVBITS(its.typer),
		 GITS_TYPER_ID_BITS(its.typer));
	if (dt->its_others)
		log_warn("its: %u others are not used: devices that are mapped to them get no messages",
			 dt->its_others);
	return 0;
}

/* This CPU's collection is at its redistributor, which forgets what it has cached of LPIs' configuration. */
static int MUST_CHECK map_collection(unsigned int cpu)
{
	const struct its_command commands[] = {
		{ { ITS_MAPC, 0, ITS_VALID | its.target[cpu] | ITS_COLLECTION(cpu), 0 } },
		{ { ITS_INVALL, 0, ITS_COLLECTION(cpu), 0 } },
	};
	struct its_wait wait;

	its_wait_begin(&wait);
	while (!its_put(commands, ARRAY_SIZE(commands))) {
		if (!its_wait_for_room(&wait))
			return -ETIMEDOUT;
	}
	return its_sync(&wait, BIT(cpu));
}

int its_start_cpu(void)
{
	const unsigned int cpu = arch_cpu_index();
	int ret = its_lpi_stop();

	if (ret || !its.regs)
		return ret;
	ret = its_lpi_start();
	ret = ret ? ret : map_collection(cpu);
	if (!ret)
		atomic_fetch_or_explicit(&its.started, BIT(cpu), memory_order_release);
	return ret;
}
