/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of the emulated GIC, bit by bit (IHI 0069H, 12.9 and 12.11): what identifies it, what is
 * reserved, which widths there are, what reaches the hardware; and a guest that writes garbage to all of
 * them, with every width, on every CPU.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/errno.h"
#include "core/log.h"
#include "tests/unit/arm64/vgic_single.h"

/* ---- what it is ---- */

static void the_distributor(void **state)
{
	u32 typer;

	write32(GICD(0), 0xffffffff);
	assert_int_equal(read32(GICD(0)), 0x53); /* DS, ARE: read as one; both groups; no RWP */
	write32(GICD(0), 0);
	assert_int_equal(read32(GICD(0)), 0x50);
	typer = read32(GICD(4));
	assert_int_equal(typer & 0x1f, 31);	   /* ITLinesNumber: up to 1019 */
	assert_int_equal(typer >> 10 & 1, 0);	   /* SecurityExtn */
	assert_int_equal(typer >> 16 & 1, 0);	   /* MBIS */
	assert_int_equal(typer >> 17 & 1, 0);	   /* LPIS: or Linux looks for an ITS, and at no GICv2m */
	assert_int_equal((typer >> 19 & 0x1f), 9); /* IDbits */
	assert_int_equal(typer >> 24 & 1, 0);	   /* A3V */
	assert_int_equal(typer >> 25 & 1, 1);	   /* No1N */
	assert_int_equal(typer >> 26 & 1, 0);	   /* RSS */
	assert_int_equal(read32(GICD(0xffe8)) >> 4 & 0xf, 3);
	assert_int_equal(read32(GICD(8)) & 0xfff, 0x43b);
	arm64_cpus.mpidr[3] = 0x1200000010ull;
	assert_int_equal(read32(GICD(4)) >> 24 & 7, 7);
	arm64_cpus.mpidr[3] = fake_mpidr(3);
}

static void the_redistributors(void **state)
{
	for (unsigned int cpu = 0; cpu < 4; cpu++) {
		u64 typer = reg_read(GICR(cpu, 8), 8);

		assert_true(typer >> 32 == fake_mpidr(cpu));
		assert_int_equal(typer >> 8 & 0xffff, cpu);
		assert_int_equal(typer >> 4 & 1, cpu == 3);
		assert_int_equal(typer & 0xf, 0); /* PLPIS, VLPIS, Dirty, DirectLPI */
		assert_int_equal(read32(GICR(cpu, 8)), (u32)typer);
		assert_int_equal(read32(GICR(cpu, 12)), typer >> 32);
		assert_int_equal(read32(GICR(cpu, 0xffe8)) >> 4 & 0xf, 3);
		assert_int_equal(read32(GICR(cpu, 4)) & 0xfff, 0x43b);
		assert_int_equal(read32(GICR(cpu, 0)), 0);
		write32(GICR(cpu, 0), 0xffffffff);
		assert_int_equal(read32(GICR(cpu, 0)), 0); /* no LPIs to enable */
		reg_write(GICR(cpu, 0x70), 8, ~0ull);	   /* PROPBASER, PENDBASER */
		reg_write(GICR(cpu, 0x78), 8, ~0ull);
		assert_true(reg_read(GICR(cpu, 0x70), 8) == 0 && reg_read(GICR(cpu, 0x78), 8) == 0);
		write32(GICR(cpu, 0x14), 0xffffffff);
		assert_int_equal(read32(GICR(cpu, 0x14)), 6); /* sleeps, children asleep */
		write32(GICR(cpu, 0x14), 0);
		assert_int_equal(read32(GICR(cpu, 0x14)), 0);
	}
	assert_true(reg_read(GICR(4, 8), 8) == 0); /* there is no such CPU */
	assert_int_equal(read32(GICR(4, 0xffe8)), 0);
	write32(GICR(5, SGI_FRAME + 0x100), ~0u);
	write32(GICR(120, SGI_FRAME + 0x100), ~0u);
}

static void redistributors_in_regions(void **state)
{
	struct dt_machine dt;

	teardown(state);
	dt = fake_gic_setup(6);
	dt.redistributor_regions = 3;
	dt.gicr[0] = (struct dt_range){ FAKE_GICR, 0x80000 };
	dt.gicr[1] = (struct dt_range){ FAKE_GICR + 0x80000, 0x20000 };
	dt.gicr[2] = (struct dt_range){ FAKE_GICR + 0xa0000, 0x100000 };
	vgic_machine_start(&dt);
	for (unsigned int cpu = 0; cpu < 6; cpu++) {
		assert_true(reg_read(GICR(cpu, 8), 8) >> 32 == fake_mpidr(cpu));
		assert_int_equal(reg_read(GICR(cpu, 8), 8) >> 4 & 1, cpu >= 3);
	}
	teardown(state);
	dt = fake_gic_setup(2); /* hardware's are wide, the guest's are not */
	fg.vlpis = true;
	fg.stride = 0x40000;
	vgic_machine_start(&dt);
	assert_true(reg_read(FAKE_GICR + 0x20008, 8) >> 32 == 1);
	teardown(state);
	dt = fake_gic_setup(2); /* but where the tree says so */
	fg.stride = dt.gicr_stride = 0x40000;
	vgic_machine_start(&dt);
	assert_true(reg_read(FAKE_GICR + 0x40008, 8) >> 32 == 1);
	assert_int_equal(reg_read(FAKE_GICR + 0x20008, 8), 0);
}

static void the_frame(void **state)
{
	struct vgic_frame f = vgic_frame_for(256, FRAME_BASE);

	assert_int_equal(f.first, 288);
	assert_int_equal(f.first + f.count - 1, 1018); /* 1019: Linux refuses a frame that has it */
	assert_int_equal(vgic_frame_for(986, 0).count, 1);
	assert_int_equal(vgic_frame_for(987, 0).count, 0);
	assert_int_equal(vgic_frame_for(988, 0).count, 0);
	assert_int_equal(read32(FRAME_BASE + 8), 288u << 16 | 731);
	assert_int_equal(read32(FRAME_BASE + 0x40), 0);
	assert_int_equal(read32(FRAME_BASE + 0xfcc) & 0xfff, 0x43b);
	assert_int_equal(read32(FRAME_BASE + 0xfe8) >> 4 & 0xf, 3);
	assert_int_equal(reg_read(FRAME_BASE + 8, 8), 0);
	enable(FRAME_FIRST, 0xa0, true);
	enable(1018, 0xa0, true);
	enable(1019, 0xa0, true);
	enable(287, 0xa0, true);
	write32(FRAME_BASE + 0x40, FRAME_FIRST);
	assert_int_equal(guest_ack(), FRAME_FIRST);
	guest_eoi(FRAME_FIRST);
	write32(FRAME_BASE + 0x40, 0xfffffc00 | 1018); /* the upper bits are reserved */
	assert_int_equal(guest_ack(), 1018);
	guest_eoi(1018);
	write32(FRAME_BASE + 0x40, 287); /* none of its own */
	write32(FRAME_BASE + 0x40, 1019);
	write32(FRAME_BASE + 0x40, 1023);
	write32(FRAME_BASE + 0x40, 3);
	reg_write(FRAME_BASE + 0x40, 8, FRAME_FIRST);
	reg_write(FRAME_BASE + 0x40, 1, 1018 & 0xff);
	write32(FRAME_BASE + 0x44, FRAME_FIRST);
	assert_int_equal(guest_ack(), 1023);
}

/* ---- bits and bytes ---- */

static void a_bit_an_interrupt(void **state)
{
	static const u32 set[] = { 0x100, 0x200, 0x300 }, clear[] = { 0x180, 0x280, 0x380 };

	write32(GICD(0), 0);
	for (u32 n = 9; n < 32; n++) {
		u32 usable = n == 31 ? 0x0fffffff : ~0u;

		for (unsigned int i = 0; i < 3; i++) {
			write32(GICD(clear[i] + 4 * n), ~0u);
			assert_int_equal(read32(GICD(set[i] + 4 * n)), 0);
			write32(GICD(set[i] + 4 * n), 0xa5a5a5a5);
			write32(GICD(set[i] + 4 * n), 0); /* zeros do nothing */
			write32(GICD(clear[i] + 4 * n), 0);
			assert_int_equal(read32(GICD(set[i] + 4 * n)), 0xa5a5a5a5 & usable);
			assert_int_equal(read32(GICD(clear[i] + 4 * n)), 0xa5a5a5a5 & usable);
			write32(GICD(clear[i] + 4 * n), 0x0f0f0f0f);
			assert_int_equal(read32(GICD(set[i] + 4 * n)), 0xa0a0a0a0 & usable);
			write32(GICD(clear[i] + 4 * n), ~0u);
		}
		write32(GICD(0x80 + 4 * n), 0x12345678);
		assert_int_equal(read32(GICD(0x80 + 4 * n)), 0x12345678 & usable);
		write32(GICD(0x80 + 4 * n), ~0u);
	}
}

/* With affinity routing private ones are in the redistributor only (12.9: RAZ/WI). */
static void private_ones_are_the_redistributors(void **state)
{
	static const u32 offsets[] = { 0x80,  0x100, 0x180, 0x200, 0x280, 0x300,
				       0x380, 0x400, 0x41c, 0xc00, 0xc04 };

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		write32(GICD(offsets[i]), ~0u);
		assert_int_equal(read32(GICD(offsets[i])), 0);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) { /* and SPIs are not there */
		u32 next = offsets[i] < 0x400 ? 4 : offsets[i] < 0xc00 ? 0x20 : 8;

		write32(GICR(0, SGI_FRAME + offsets[i] + next), ~0u);
		assert_int_equal(read32(GICR(0, SGI_FRAME + offsets[i] + next)), 0);
	}
	write32(GICR(1, SGI_FRAME + 0x180), ~0u);
	write32(GICR(1, SGI_FRAME + 0x100), 0x88);
	assert_int_equal(read32(GICR(1, SGI_FRAME + 0x100)), 0x88);
	assert_int_equal(read32(GICR(0, SGI_FRAME + 0x100)), 0xffff);
}

static void priorities(void **state)
{
	write32(GICD(0x400 + 300), 0xff4740a7);
	assert_int_equal(read32(GICD(0x400 + 300)), 0xf84040a0); /* five bits */
	assert_int_equal(reg_read(GICD(0x400 + 303), 1), 0xf8);
	reg_write(GICD(0x400 + 301), 1, 0x28);
	assert_int_equal(read32(GICD(0x400 + 300)), 0xf84028a0);
	reg_write(GICD(0x400 + 300), 2, 0);
	reg_write(GICD(0x400 + 296), 8, 0);
	reg_write(GICD(0x400 + 301), 4, 0); /* not aligned */
	assert_int_equal(read32(GICD(0x400 + 300)), 0xf84028a0);
	assert_int_equal(reg_read(GICD(0x400 + 300), 2), 0);
	write32(GICD(0x400 + 1020), ~0u);
	assert_int_equal(read32(GICD(0x400 + 1020)), 0);
	reg_write(GICR(2, SGI_FRAME + 0x400 + 31), 1, 0x50);
	assert_int_equal(read32(GICR(2, SGI_FRAME + 0x400 + 28)), 0x50a0a0a0);
	assert_int_equal(fg.own[2][31].priority, GIC_PRIORITY_GUEST); /* virtual only */
}

static void configuration(void **state)
{
	assert_int_equal(read32(GICR(0, SGI_FRAME + 0xc00)), 0xaaaaaaaa); /* SGIs: edges, read-only */
	write32(GICR(0, SGI_FRAME + 0xc00), 0);
	assert_int_equal(read32(GICR(0, SGI_FRAME + 0xc00)), 0xaaaaaaaa);
	write32(GICD(0xc00 + 80), ~0u);
	assert_int_equal(read32(GICD(0xc00 + 80)), 0xaaaaaaaa); /* the lower bit is reserved */
	write32(GICD(0xc00 + 80), 0x00000002);
	assert_int_equal(read32(GICD(0xc00 + 80)), 0x00000002);
	write32(GICD(0xcfc), ~0u);
	assert_int_equal(read32(GICD(0xcfc)), 0x00aaaaaa);
	fg.fixed_edge[0] = 1u << 20;
	write32(GICR(0, SGI_FRAME + 0xc04), 0);
	assert_int_equal(read32(GICR(0, SGI_FRAME + 0xc04)), 0);
	write32(GICR(0, SGI_FRAME + 0xc04), 2u << 8 | 2u << 10);
	write32(GICR(0, SGI_FRAME + 0xc04), 0); /* 20 does not change in hardware */
	assert_int_equal(read32(GICR(0, SGI_FRAME + 0xc04)), 2u << 8);
}

static void routing(void **state)
{
	reg_write(GICD(0x6000 + 8 * 300), 8, 0xffffff80ffffffffull);
	assert_true(reg_read(GICD(0x6000 + 8 * 300), 8) == 0x8000ffffffull); /* no Interrupt_Routing_Mode */
	write32(GICD(0x6000 + 8 * 300), 3);
	assert_true(reg_read(GICD(0x6000 + 8 * 300), 8) == 0x8000000003ull);
	write32(GICD(0x6004 + 8 * 300), 0);
	assert_int_equal(read32(GICD(0x6000 + 8 * 300)), 3);
	assert_int_equal(read32(GICD(0x6004 + 8 * 300)), 0);
	assert_int_equal(vgic_target(300), 3);
	write32(GICD(0x6000 + 8 * 300), 0x80000001); /* any CPU: not supported, so the one that is named */
	assert_int_equal(vgic_target(300), 1);
	reg_write(GICD(0x6000 + 8 * 300), 2, 2);
	reg_write(GICD(0x6000 + 8 * 300), 1, 2);
	assert_int_equal(vgic_target(300), 1);
	for (u32 intid = 0; intid < 32; intid++) {
		reg_write(GICD(0x6000 + 8 * intid), 8, 1);
		assert_int_equal(reg_read(GICD(0x6000 + 8 * intid), 8), 0);
	}
	reg_write(GICD(0x7fe0), 8, 1); /* 1020 */
	assert_int_equal(reg_read(GICD(0x7fe0), 8), 0);
	reg_write(GICD(0x7fd8), 8, 1);
	assert_int_equal(reg_read(GICD(0x7fd8), 8), 1);
}

/* What exists in hardware follows; what does not, does not. */
static void the_hardware_follows(void **state)
{
	write32(GICD(0x100 + 4), 0xff00); /* 40 .. 47 */
	for (u32 intid = 32; intid < 64; intid++)
		assert_int_equal(fg.spi[intid].enabled, intid >= 40 && intid < 48);
	write32(GICD(0x180 + 4), 0x0f00);
	for (u32 intid = 32; intid < 64; intid++)
		assert_int_equal(fg.spi[intid].enabled, intid >= 44 && intid < 48);
	write32(GICD(0x100 + 4 * 9), ~0u);
	assert_false(fg.spi[288].enabled || fg.spi[319].enabled);
	write32(GICR(1, SGI_FRAME + 0x100), 1u << 27 | 1u << 25);
	assert_true(fg.own[1][27].enabled);
	assert_false(fg.own[0][27].enabled);
	assert_true(fg.own[1][25].enabled); /* maintenance: Fairlead's, whatever the guest says */
	write32(GICR(1, SGI_FRAME + 0x180), ~0u);
	assert_false(fg.own[1][27].enabled);
	assert_true(fg.own[1][25].enabled);
	assert_true(fg.own[1][0].enabled); /* kicks */
	set_edge(50, true);
	assert_true(fg.spi[50].edge);
	set_route(50, 2);
	assert_true(fg.spi[50].route == fake_mpidr(2));
	reg_write(GICD(0x6000 + 8 * 50), 8, 0x77); /* nobody: it stays where it was */
	assert_true(fg.spi[50].route == fake_mpidr(2));
	set_priority(50, 0x10);
	assert_int_equal(fg.spi[50].priority, GIC_PRIORITY_GUEST);
	write32(GICD(0), 0);
	assert_int_equal(fg.ctlr, 0x12);
}

static void a_guest_that_starts_with_edges(void **state)
{
	struct dt_machine dt;

	teardown(state);
	dt = fake_gic_setup(4);
	fg.spi[77].edge = true;
	fg.own[2][23].edge = true;
	vgic_machine_start(&dt);
	assert_int_equal(read32(GICD(0xc00 + 16)), 2u << 26);
	assert_int_equal(read32(GICR(2, SGI_FRAME + 0xc04)), 2u << 14);
	assert_int_equal(read32(GICR(1, SGI_FRAME + 0xc04)), 0);
}

/* ---- garbage ---- */

static void widths_that_are_none(void **state)
{
	static const u32 offsets[] = {
		0, 4, 8, 0x84, 0x104, 0x184, 0x204, 0x284, 0x304, 0x384, 0xc08, 0xffe8
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		u32 was = read32(GICD(offsets[i]));

		for (unsigned int size = 1; size <= 8; size *= 2) {
			if (size == 4)
				continue;
			assert_int_equal(reg_read(GICD(offsets[i]) & ~(u64)(size - 1), size), 0);
			reg_write(GICD(offsets[i]) & ~(u64)(size - 1), size, ~0ull);
		}
		assert_int_equal(reg_read(GICD(offsets[i]) + 2, 4), 0);
		reg_write(GICD(offsets[i]) + 2, 4, ~0ull);
		assert_int_equal(read32(GICD(offsets[i])), was);
	}
	assert_int_equal(reg_read(GICR(0, 8), 2), 0);
	assert_int_equal(reg_read(GICR(2, 10), 4), 0);
	assert_int_equal(reg_read(GICR(0, SGI_FRAME + 0x401), 4), 0);
	assert_int_equal(reg_read(GICR(0, 0x14), 8), 0);
	assert_int_equal(reg_read(GICR(0, SGI_FRAME + 0x100), 8), 0);
}

/* Everything, everywhere, while interrupts come; afterwards the machine works as before. */
static void garbage(unsigned int seed)
{
	for (unsigned int i = 0; i < 20000; i++) {
		u64 base = rand_r(&seed) % 2   ? FAKE_GICD
			   : rand_r(&seed) % 8 ? GICR((unsigned int)rand_r(&seed) % 6, 0)
					       : FRAME_BASE;
		unsigned int size = 1u << rand_r(&seed) % 4;
		u64 offset = (u64)rand_r(&seed) % (base == FRAME_BASE  ? 0x1000
						   : base == FAKE_GICD ? 0x10000
								       : 0x20000);
		u64 value = (u64)rand_r(&seed) << 32 ^ (u64)rand_r(&seed) << 8;

		if (rand_r(&seed) % 2)
			offset %= 0x1000;
		if (base > FAKE_GICD && base != FRAME_BASE && rand_r(&seed) % 2)
			offset = SGI_FRAME + offset % 0x1000;
		offset &= ~(u64)(size - 1);
		host_cpu = (unsigned int)rand_r(&seed) % 4;
		if (rand_r(&seed) % 3)
			reg_write(base + offset, size, value);
		else
			assert_true(size == 8 || !(reg_read(base + offset, size) >> size * 8));
		switch (rand_r(&seed) % 8) {
		case 0: fake_edge(0, 32 + (u32)rand_r(&seed) % 256); break;
		case 1: fake_line(host_cpu, 16 + (u32)rand_r(&seed) % 8, rand_r(&seed) % 2); break;
		case 2:
			fake_exit();
			vgic_raise((u32)rand_r(&seed) % 1100);
			vgic_set_level((u32)rand_r(&seed) % 1100, rand_r(&seed) % 2);
			vgic_write_sgi(&fake_cpus[host_cpu], (unsigned int)rand_r(&seed) % 2, value);
			vgic_write_dir(&fake_cpus[host_cpu], (u32)rand_r(&seed) % 1100);
			fake_enter();
			break;
		case 3: fv[host_cpu].vmcr = (u64)rand_r(&seed) << 24 | ((u64)rand_r(&seed) & 0x203); break;
		case 4:
		case 5:
			if (fv[host_cpu].depth < 60) {
				u32 intid = rand_r(&seed) % 2 ? guest_ack() : fake_iar(false);

				if (intid < 1020)
					guest_eoi(intid);
			}
			break;
		default: fake_eoir((u32)rand_r(&seed) % 1100); fake_interrupts();
		}
		kicks_off = rand_r(&seed) % 16 == 0;
	}
	kicks_off = false;
}

static u64 now;

u64 arch_time_us(void)
{
	return now += 1000;
}

static void any_garbage(void **state)
{
	for (unsigned int seed = 1; seed <= 8; seed++) {
		setup(state);
		garbage(seed);
		/* The guest starts anew, as after kexec: what it left is undone by registers alone. */
		for (host_cpu = 0; host_cpu < 4; host_cpu++) {
			fake_exit();
			fv[host_cpu].depth = 0;
			for (u32 intid = 16; intid < 32; intid++)
				fake_line(host_cpu, intid, false);
			vgic_start_cpu(&fake_cpus[host_cpu]);
		}
		host_cpu = 0;
		for (u32 intid = 32; intid < 1020; intid++) {
			if (intid < 288)
				fake_line(0, intid, false);
			vgic_set_level(intid, false);
			set_route(intid, 0);
		}
		for (u32 n = 1; n < 32; n++) {
			write32(GICD(0x180 + 4 * n), ~0u);
			write32(GICD(0x380 + 4 * n), ~0u);
			write32(GICD(0x280 + 4 * n), ~0u);
			assert_int_equal(read32(GICD(0x200 + 4 * n)), 0);
			assert_int_equal(read32(GICD(0x300 + 4 * n)), 0);
		}
		for (u32 intid = 32; intid < 288; intid++)
			assert_false(fg.spi[intid].active || fg.spi[intid].enabled);
		guest_init();
		for (host_cpu = 0; host_cpu < 4; host_cpu++) {
			fake_enter();
			assert_int_equal(guest_ack(), 1023);
		}
		host_cpu = 0;
		for (u32 intid = 32; intid < 288; intid++) {
			enable(intid, 0xa0, true);
			fake_edge(0, intid);
			assert_int_equal(guest_ack(), intid);
			guest_eoi(intid);
			assert_int_equal(guest_ack(), 1023);
		}
		fg.odd = 0; /* garbage makes interrupts inactive under the guest's feet */
		teardown(state);
	}
	setup(state);
}

/* ---- what it cannot be made from ---- */

static void refused(void **state)
{
	const struct vgic_frame frame = vgic_frame_for(256, FRAME_BASE);
	struct dt_machine dt = fake_gic_setup(4);
	static struct vm vm;

	log_set_sink(NULL);
	memset(&vm, 0, sizeof(vm));
	assert_int_equal(gic_init(&dt), 0);
	dt.maintenance_intid = 0;
	assert_int_equal(vgic_init(&vm, &dt, 4, &frame), -EINVAL);
	dt.maintenance_intid = 40;
	assert_int_equal(vgic_init(&vm, &dt, 4, &frame), -EINVAL);
	dt.maintenance_intid = 25;
	dt.gicr[0].size = 0x60000;
	assert_int_equal(vgic_init(&vm, &dt, 4, &frame), -ENOSPC);
	assert_int_equal(gic_init(&dt), 0);
	memset(&vm, 0, sizeof(vm));
	dt.gicr[0].size = 0x80000;
	fake_pages_allowed = 1;
	assert_int_equal(vgic_init(&vm, &dt, 4, &frame), -ENOMEM);
	fake_pages_allowed = FAKE_PAGES_MAX;
	assert_int_equal(gic_claim(25, NULL, "other"), 0);
	assert_int_equal(vgic_init(&vm, &dt, 4, &frame), -EEXIST);
	assert_int_equal(gic_init(&dt), 0);
	dt.gicd.base = FAKE_GICR; /* over each other */
	assert_int_equal(vgic_init(&vm, &dt, 4, &frame), -EEXIST);
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
		fv[cpu].in_guest = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_distributor),
		TEST(the_redistributors),
		TEST(redistributors_in_regions),
		TEST(the_frame),
		TEST(a_bit_an_interrupt),
		TEST(private_ones_are_the_redistributors),
		TEST(priorities),
		TEST(configuration),
		TEST(routing),
		TEST(the_hardware_follows),
		TEST(a_guest_that_starts_with_edges),
		TEST(widths_that_are_none),
		TEST(any_garbage),
		TEST(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
