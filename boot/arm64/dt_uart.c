/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's UART in the device tree: that of /chosen's stdout-path (Devicetree Specification 0.4, 3.6),
 * or the one that the configuration names by its address.
 */
#include "boot/arm64/dt_read.h"
#include "core/errno.h"
#include "core/log.h"
#include "core/string.h"

#include <libfdt.h>

/* bindings/serial/pl011.yaml, 8250.yaml, snps-dw-apb-uart.yaml */
const char *const dt_pl011_names[] = { "arm,pl011", NULL };
const char *const dt_16550_names[] = { "ns16550a", "ns16550", "snps,dw-apb-uart", NULL };

#define REG_SHIFT_MAX 3u
#define PL011_WIDTH   4u

/* The node that stdout-path names; negative: none. What follows a colon is for the driver (3.6). */
static int stdout_node(const void *fdt)
{
	int chosen = fdt_path_offset(fdt, "/chosen"), length = 0;
	const char *path, *end;

	if (chosen < 0)
		return chosen;
	path = fdt_getprop(fdt, chosen, "stdout-path", &length);
	if (!path)
		path = fdt_getprop(fdt, chosen, "linux,stdout-path", &length);
	if (!path || length < 2 || path[length - 1])
		return -FDT_ERR_NOTFOUND;
	end = strchr(path, ':');
	return fdt_path_offset_namelen(fdt, path, end ? (int)(end - path) : (int)strlen(path));
}

static int read_16550(const struct dt_tree *t, struct dt_uart *out)
{
	u32 shift = 0, width = 1;
	int err = dt_u32(t, "reg-shift", &shift);

	if (err != -EINVAL)
		err = dt_u32(t, "reg-io-width", &width);
	if (err == -EINVAL)
		return err;
	if (shift > REG_SHIFT_MAX || (width != 1 && width != 2 && width != 4) || width > 1u << shift)
		return dt_refuse(t, -EINVAL,
				 "reg-shift and reg-io-width contradict each other; update the firmware");
	out->reg_shift = shift;
	out->reg_width = width;
	return 0;
}

static int read_node(const struct dt_tree *t, const struct dt_controller *gic, struct dt_uart *out)
{
	bool pl011 = dt_compatible(t, dt_pl011_names);
	struct dt_uart uart = { .kind = pl011 ? DT_UART_PL011 : DT_UART_16550, .reg_width = PL011_WIDTH };
	u32 flags = 0;
	int err = dt_reg(t, 0, &uart.registers);

	if (err == -EINVAL)
		return err;
	if (err || !uart.registers.size)
		return dt_refuse(t, -EINVAL, "reg does not hold a UART; update the firmware");
	err = pl011 ? 0 : read_16550(t, &uart);
	if (err)
		return err;
	err = dt_interrupt(t, gic, 0, &uart.intid, &flags);
	if (err == -EINVAL)
		return err;
	if (err) {
		dt_warn(t, "no interrupt that the GIC has; the console's input is polled");
		uart.intid = 0;
	}
	uart.level = flags & (DT_IRQ_LEVEL_HIGH | DT_IRQ_LEVEL_LOW);
	*out = uart;
	return 0;
}

static bool is_uart(const struct dt_tree *t)
{
	return dt_compatible(t, dt_pl011_names) || dt_compatible(t, dt_16550_names);
}

static bool is_wanted(const struct dt_tree *t, int node, paddr_t base)
{
	struct dt_range reg;
	const char *why;

	if (!base)
		return dt_node(t) == node;
	return is_uart(t) && !dt_reg_quietly(t, 0, &reg, &why) && reg.base == base;
}

int dt_read_uart(const void *fdt, const struct dt_controller *gic, paddr_t base, struct dt_uart *out)
{
	int node = stdout_node(fdt);
	struct dt_tree t;
	bool more;

	*out = (struct dt_uart){ .kind = DT_UART_NONE };
	for (more = dt_first(&t, fdt); more; more = dt_next(&t)) {
		if (!is_wanted(&t, node, base))
			continue;
		if (t.level[t.depth - 1].available && is_uart(&t))
			return read_node(&t, gic, out);
		dt_warn(&t, "no UART that Fairlead drives (PL011, 16550); it has no console");
		return 0;
	}
	if (base)
		log_warn("device tree: no UART at 0x%llx, which console= names; Fairlead has no console",
			 (unsigned long long)base);
	else
		log_warn("device tree: /chosen names no stdout-path; Fairlead has no console");
	return 0;
}

int dt_choose_uart(const void *fdt, paddr_t base, struct dt_machine *machine)
{
	struct dt_controller gic;
	struct dt_tree t;
	int err = dt_find_gic(fdt, &t, &gic);

	return err ? err : dt_read_uart(fdt, &gic, base, &machine->uart);
}
