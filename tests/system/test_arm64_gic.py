# SPDX-License-Identifier: BSD-2-Clause
"""Interrupts under Fairlead's GIC: more pending at once than there are list registers, all devices at once, and what a tick of the
timer costs. What a guest can do to the GIC by itself is tests/guest/arm64/kernel's (test_kernel.py).

One machine here has one CPU and six edu devices, each with the message of a disk's configuration interrupt, which nobody raises else.
"""
from collections import Counter
from itertools import takewhile

import pytest

from conftest import CPUS, EDU, VIRTIO_NET, keep
from counters import counts_of
from outside import PhysicalMemory
from test_guest import interface_of
from test_interrupts import irq_of, virtio_of, with_network
from test_smp import CleanLog

pytestmark = pytest.mark.arm64

LIST_REGISTERS = 4      # what QEMU's CPUs have
EDUS = [EDU, "00:09.0", "00:0a.0", "00:0b.0", "00:0c.0", "00:0d.0"]
LENDERS = ["00:10.0", "00:11.0", "00:12.0", "00:13.0", "00:14.0", "00:15.0"]     # disks whose interrupt is lent to an edu
EDU_RAISE, EDU_ACKNOWLEDGE = 0x60, 0x64     # QEMU's docs/specs/edu.rst
ROUNDS = 10
COUNT = 500             # interrupts of each device when all work at once
LOAD_S = 240
TURNS, TICKS = 120000, 500     # of a loop in the shell, and what the timer does meanwhile at least


@pytest.fixture(name="storm")
def _storm(keeper, default_devices, bare, arch):
    devices = list(default_devices)
    for n, (edu, lender) in enumerate(zip(EDUS, LENDERS)):
        if edu != EDU:
            devices += ["--device", f"edu,dma_mask=0xffffffffffff,addr={int(edu[3:5], 16):#x}"]
        devices += ["--drive", f"file=null-co://,file.size=1M,format=raw,if=none,id=lender{n}", "--device",
                    f"virtio-blk-pci,drive=lender{n},addr={int(lender[3:5], 16):#x},disable-legacy=on,iommu_platform=on,romfile="]
    return with_network(keep(keeper, "storm", devices, bare, arch))


def lend(guest, edu, lender):
    """The edu raises what the lender's configuration interrupt is; its name in /proc/interrupts."""
    guest.sh(f"eduirq 0000:{edu} message 0000:{lender} 0")
    return virtio_of(guest, lender) + "-config"


def give_back(guest, edus):
    """They have no message, as they booted."""
    for edu in edus:
        guest.sh(f"setpci -s {edu} CAP_MSI+2.w=0:1")


def bar_of(guest, device):
    return int(guest.sh(f"head -n 1 /sys/bus/pci/devices/0000:{device}/resource").output.split()[0], 16)


def counts(guest, names):
    """{name: interrupts}, of all of them at one moment."""
    rows = [line.split() for line in guest.sh("cat /proc/interrupts").output.splitlines()[1:]]
    sums = {row[-1]: sum(map(int, takewhile(str.isdigit, row[1:]))) for row in rows}
    return {name: sums[name] for name in names}


# --- more than list registers ----------------------------------------------------------------------------------------------


def test_more_pending_than_list_registers(storm, bare):
    """The CPU stands still while six devices raise an interrupt each; when it goes on all six are pending, and there are four list
    registers. Each comes once, every time; Fairlead has counted that they did not fit."""
    names = [lend(storm, edu, lender) for edu, lender in zip(EDUS, LENDERS)]
    assert len(names) > LIST_REGISTERS
    bars = [bar_of(storm, edu) for edu in EDUS]
    first = counts(storm, names)
    if not bare:
        overflows = counts_of(storm).all_events["interrupt-overflow"]
    for done in range(1, ROUNDS + 1):
        with PhysicalMemory(storm) as outside:
            for bar in bars:
                outside.write(bar + EDU_ACKNOWLEDGE, 0xFFFFFFFF, 4)
                outside.write(bar + EDU_RAISE, done, 4)
        grown = {name: count - first[name] for name, count in counts(storm, names).items()}
        assert grown == dict.fromkeys(names, done), f"after {done} rounds"
    if not bare:
        assert counts_of(storm).all_events["interrupt-overflow"] - overflows >= ROUNDS
    give_back(storm, EDUS)


# --- all at once -----------------------------------------------------------------------------------------------------------


def all_at_once(guest, edus):
    """Disk, both network cards and edus ({edu: its interrupt}) work at the same time until each has had COUNT interrupts. Every operation
    comes back, and each edu's interrupt is counted as often as it was raised; what each has said is returned."""
    work = {"nvme": f"irqload disk {COUNT} nvme0q /dev/nvme0n1",
            "e1000e": f"irqload ping {COUNT} {interface_of(guest, 'e1000e')} 10.0.2.2",
            "virtio-net": f"irqload ping {COUNT} {virtio_of(guest, VIRTIO_NET)}- 10.0.3.2"}
    for edu, name in edus.items():
        work[edu] = f"eduirq 0000:{edu} seq {COUNT} {irq_of(guest, name)}"
    before = counts(guest, edus.values())
    with CleanLog(guest) as log:
        guest.sh("rm -f /tmp/at-once.*; " + " ".join(f"{line} > /tmp/at-once.{n} 2>&1 &" for n, line in enumerate(work.values())) +
                 " wait", LOAD_S)
    assert not [line for line in log.lines if "polled" in line], log.lines       # NVMe's word for an interrupt that never came
    said = {name: guest.sh(f"cat /tmp/at-once.{n}") for n, name in enumerate(work)}
    for name, result in said.items():
        print(name, result.values)
        assert "lost" in result.values, f"{name}: {result.output}"
        assert result.number("lost") == 0, name
    for name in edus:
        assert (said[name].number("doubled"), said[name].number("wrong")) == (0, 0), name
    after = counts(guest, edus.values())
    assert {name: after[name] - before[name] for name in after} == dict.fromkeys(after, COUNT)
    # One interrupt for each command, and no more.
    assert said["nvme"].number("interrupts") == COUNT


def test_all_devices_at_once_on_one_cpu(storm):
    all_at_once(storm, {edu: lend(storm, edu, lender) for edu, lender in list(zip(EDUS, LENDERS))[:2]})
    give_back(storm, EDUS[:2])


def test_all_devices_at_once_on_four_cpus(smp):
    all_at_once(with_network(smp), {EDU: lend(smp, EDU, VIRTIO_NET)})
    give_back(smp, [EDU])


# --- what a tick costs -----------------------------------------------------------------------------------------------------


def of_cpu(guest, cpu):
    """Interrupts that the guest's CPU has counted: {"all": n, "timer": n}."""
    sums = f"{{ if (${cpu + 2} ~ /^[0-9]+$/) {{ n += ${cpu + 2}; if (/{guest.arch.timer_row}/) t = ${cpu + 2} }} }}"
    said = guest.sh(f"awk 'NR > 1 {sums} END {{ print \"all=\" n; print \"timer=\" t }}' /proc/interrupts")
    return {key: int(n) for key, n in said.values.items()}


def computing(guest, cpu, turns):
    """A program computes on that CPU: ({interrupts}, {exits by reason}) that there were meanwhile, the console's included."""
    before, was = counts_of(guest).exits[cpu], of_cpu(guest, cpu)
    guest.sh(f"taskset {1 << cpu:x} sh -c 'i={TURNS - turns:06}; while [ $i -lt {TURNS} ]; do i=$((i + 1)); done'", LOAD_S)
    now = of_cpu(guest, cpu)
    return Counter(now) - Counter(was), counts_of(guest).exits[cpu] - before


def ticks_cost_one_exit_each(guest, cpu):
    """The timer interrupts a program that computes, again and again. What it costs is what a long run has more than a short one: of exits
    by interrupt as many as of interrupts, and none for another reason."""
    short, long = computing(guest, cpu, 1), computing(guest, cpu, TURNS)
    interrupts, exits = ({key: now[key] - was[key] for key in now | was} for was, now in zip(short, long))
    taken = exits.pop("interrupt")
    print(f"CPU {cpu}: {interrupts['timer']} ticks, {interrupts['all']} interrupts, {taken} exits by interrupt, others: {exits}")
    assert interrupts["timer"] >= TICKS, "too few to tell"
    assert taken <= interrupts["all"] + interrupts["timer"] // 10
    assert sum(max(n, 0) for n in exits.values()) <= interrupts["timer"] // 5


def test_tick_on_one_cpu(storm):
    ticks_cost_one_exit_each(storm, 0)


def test_tick_on_one_of_four_cpus(smp):
    ticks_cost_one_exit_each(smp, CPUS - 1)
