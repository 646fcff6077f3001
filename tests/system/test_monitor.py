# SPDX-License-Identifier: BSD-2-Clause
"""The monitor: its line, its commands, and a device that changes hands while the guest works with it.

The changing of hands runs on the debug image, whose oracle compares the whole state with the model after each operation and panics
at the first difference.
"""
import re

import pytest

from conftest import E1000E, EDU, NVME, keep
from machine import MONITOR_ESCAPE
from test_guest import with_address

ADDRESS = r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
PING_S = 60
LEAVES_S = 120          # the driver notices at its next look at the card; Linux's transmit watchdog takes seconds


def state_of(monitor, device):
    """What `pci` says of one device, after its address and IDs."""
    line, end = monitor.command(f"pci {device}")[-2:]
    assert end == "done"
    return line.split(" ", 2)[2]


def rescan_in_guest(guest, device):
    """The guest forgets the device and looks again; its driver starts anew."""
    guest.sh(f"echo 1 > /sys/bus/pci/devices/0000:{device}/remove", 120)
    guest.sh("echo 1 > /sys/bus/pci/rescan", 120)


def new_lease(guest, driver):
    interface, _ = with_interface(guest, driver)
    guest.sh(f"rm -f /run/net/{interface}; ip link set {interface} up; "
             f"udhcpc -n -q -t 20 -T 1 -s /etc/udhcpc.script -i {interface}", 120)
    return with_address(guest, driver)


def with_interface(guest, driver):
    """The interface of a driver that has just been started, once it is there."""
    name = guest.sh(f"for t in $(seq 100); do for i in /sys/class/net/*; do case $(readlink $i/device/driver) in "
                    f"*/{driver}) echo ${{i##*/}}; exit;; esac; done; sleep 0.1; done").output.strip()
    assert name, f"no interface of {driver}"
    return name, driver


# --- the line ------------------------------------------------------------------------------------------------------------


def test_help_and_what_is_no_command(guest):
    with guest.monitor() as monitor:
        said = monitor.command("help")
        assert said[-1] == "done"
        for name in ("help", "pci", "assign", "deassign", "remove", "rescan", "reset", "locks", "stats"):
            assert any(line.split()[0] == name for line in said), name
        assert monitor.command("frobnicate 00:02.0") == ['unknown command "frobnicate"; `help` lists what there is']
        assert monitor.command("assign") == ["refused: write it as in `assign SBDF`"]
        assert monitor.command("remove 2") == ['refused: "2" is no address; write it as in 0000:00:02.0 or 00:02.0']
        assert monitor.command("remove 00:1e.7")[-1].startswith("refused: ")


def test_line_is_edited(guest):
    with guest.monitor() as monitor:
        guest.type("xx\x15hexx\x08\x7flp")
        assert monitor.command("")[-1] == "done"


def test_garbage_does_no_harm(guest):
    """Everything but the escape, in every length; the guest is not disturbed."""
    with guest.monitor() as monitor:
        for length in (1, 17, 63, 64, 65, 200, 1000):
            guest.type("".join(chr(c) for c in range(2, 127) if c not in (10, 13))[:length] * (1 + length // 120))
            guest.type("\x15")
        guest.type("\r" * 50)
        assert monitor.command("help")[-1] == "done"
    assert guest.sh("echo still here").output.strip() == "still here"


def test_unfinished_escape_reaches_the_guest(guest):
    guest.type("sh -c 'stty -icanon -echo min 5; echo begin; dd bs=5 count=1 2>/dev/null | hexdump -ve \"1/1 \\\"%02x\\\"\"; "
               "echo; stty icanon echo'\r")
    guest.expect(r"[\r\n]begin\r")
    guest.type("\x01x\x01\x01y")
    guest.expect(r"[\r\n]0178010179\r")
    guest.expect("guest# ")


def test_guest_runs_and_speaks_meanwhile(guest):
    guest.sh("(for i in $(seq 60); do echo tick $i >/dev/console; sleep 0.2; done) >/dev/null 2>&1 &")
    with guest.monitor() as monitor:
        for _ in range(3):
            guest.expect(r"[\r\n]tick \d+\r")
            assert monitor.command("pci")[-1] == "done"
        guest.expect(r"[\r\n]tick 60\r", 120)
    # No line of the one has a piece of the other in it.
    for line in guest.transcript.splitlines():
        assert not re.search(r".fairlead: |tick \d+.*done", line), line


def test_pci_lists_what_the_guest_sees(guest):
    with guest.monitor() as monitor:
        said = monitor.command("pci")
        one = monitor.command(f"pci -v {E1000E}")
    seen = {"0000:" + line.split()[0] for line in guest.sh("lspci -n").output.splitlines()}
    shown = {line.split()[0]: line for line in said[:-1]}
    assert seen <= set(shown)
    assert all(re.fullmatch(ADDRESS, address) for address in shown)
    assert "8086:10d3 live, guest" in shown[f"0000:{E1000E}"]
    for part in ("BARs: ", "group ", "reset: ", "requester IDs: 00:02.0"):
        assert any(part in line for line in one), part


def test_locks_are_counted_in_debug_builds_only(guest):
    with guest.monitor() as monitor:
        assert monitor.command("locks") == ["refused: nothing is counted; needs a debug build: make DEBUG=1"]


def test_stats_count(guest):
    with guest.monitor() as monitor:
        def reads():
            line = next(line for line in monitor.command("stats") if "configuration space" in line)
            return int(re.search(r"(\d+) reads", line).group(1))
        before = reads()
    guest.sh("lspci -xxx >/dev/null")
    with guest.monitor() as monitor:
        assert reads() > before + 256


def test_device_without_reset_stays(guest):
    """The edu device can be reset in no way: it does not change hands unless the configuration says that it may."""
    with guest.monitor() as monitor:
        assert re.match("refused: .*reset", monitor.command(f"deassign {EDU}")[-1])
        assert state_of(monitor, EDU).startswith("live, guest")
    assert guest.sh("edudma self").values["self"] == "ok"


# --- a device changes hands ------------------------------------------------------------------------------------------------


@pytest.mark.full_on("arm64")     # the operations are core/'s; test_deassign_... has them here
def test_holders_are_named(debug_guest):
    with debug_guest.monitor() as monitor:
        shown = monitor.command(f"pci -v {E1000E}")
        assert re.search(r"references: base 1, owner 1, vpci 1, msi \d", shown[0])
        assert any(re.search(r"held by: .*drivers/\w+/\w+\.c:\d+", line) for line in shown)
        locks = monitor.command("locks")
        assert locks[-1] == "done"
        assert any(line.split()[0] == "pci_dev" and int(line.split()[1]) > 0 for line in locks)


def test_deassign_under_traffic_and_assign_again(debug_guest):
    guest = debug_guest
    interface, _ = with_address(guest, "e1000e")
    with_address(guest, "virtio_net")
    guest.sh("dmesg -c > /dev/null; (ping 10.0.2.2 > /tmp/ping.log 2>&1 &)")
    guest.sh("for i in $(seq 100); do grep -q 'seq=2' /tmp/ping.log && exit; sleep 0.1; done; exit 1")
    since = guest.mark()
    with guest.monitor() as monitor:
        said = monitor.finish(f"deassign {E1000E}", 120)
        assert said[-1] == f"deassign 0000:{E1000E}: done", said
        steps = [line.split(": ", 2)[2] for line in guest.fairlead_lines(since) if line.startswith("manage: deassign")]
        assert [step.split()[0] for step in steps] == ["vPCI", "messages", "DMA", "messages", "reset", "in"], steps
        assert state_of(monitor, E1000E).startswith("live, quarantine")
        assert re.match("refused: ", monitor.command(f"deassign {E1000E}")[-1])
    # Nothing else is disturbed: the other card, the disk.
    guest.sh("ping -c 3 -W 10 10.0.3.2", PING_S)
    guest.sh("dd if=/dev/urandom of=/tmp/r bs=64k count=4 2>/dev/null; dd if=/tmp/r of=/dev/nvme0n1 bs=64k conv=fsync "
             "2>/dev/null; echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/nvme0n1 bs=64k count=4 2>/dev/null | cmp - /tmp/r")
    # The driver finds out; the device is not there any more for the guest.
    assert guest.sh(f"setpci -s {E1000E} 0.l 2>/dev/null || echo ffffffff").output.strip() == "ffffffff"
    guest.sh("for i in $(seq 1200); do dmesg | grep -q 'e1000e.*Reset adapter' && exit; sleep 0.1; done; exit 1",
             LEAVES_S + 60)
    assert guest.run("ping -c 1 -W 2 10.0.2.2 -I " + interface, PING_S).status != 0
    guest.sh("killall ping")
    # No DMA was blocked: the card had stopped before it was cut off.
    assert not [line for line in guest.fairlead_lines(since) if "iommu: DMA" in line]

    with guest.monitor() as monitor:
        assert monitor.finish(f"assign {E1000E}")[-1] == f"assign 0000:{E1000E}: done"
        assert state_of(monitor, E1000E).startswith("live, guest")
        assert re.match("refused: ", monitor.command(f"assign {E1000E}")[-1])
    rescan_in_guest(guest, E1000E)
    new_lease(guest, "e1000e")
    guest.sh("ping -c 3 -W 10 10.0.2.2", PING_S)


@pytest.mark.full_on("arm64")     # the operations are core/'s; test_deassign_... has them here
def test_remove_is_refused_then_granted(debug_guest):
    guest = debug_guest
    full = f"0000:{EDU}"
    assert guest.sh("edudma self").values["self"] == "ok"
    with guest.monitor() as monitor:
        said = monitor.command(f"remove {EDU}")
        assert re.match(r"refused: owned by the guest.*held by .*vpci", said[-1]), said
        assert state_of(monitor, EDU).startswith("live, guest")
        assert monitor.finish(f"deassign {EDU}")[-1] == f"deassign {full}: done"
        assert monitor.finish(f"remove {EDU}")[-1] in ("done", f"remove {full}: done")
        # Harmless the second time, and the third.
        for _ in range(2):
            assert re.match("refused: there is no", monitor.command(f"remove {EDU}")[-1])
            assert re.match("refused: there is no", monitor.command(f"assign {EDU}")[-1])
        assert monitor.command(f"pci {EDU}") == [f"refused: there is nothing at {full}"]
        assert monitor.command("rescan")[-2:] == ["devices added: 1", "done"]
        assert state_of(monitor, EDU).startswith("live, quarantine")
        assert monitor.command("rescan")[-2:] == ["devices added: 0", "done"]
        assert monitor.finish(f"assign {EDU}")[-1] == f"assign {full}: done"
    rescan_in_guest(guest, EDU)
    assert guest.sh("edudma self").values["self"] == "ok"


@pytest.mark.full_on("arm64")     # the operations are core/'s; test_deassign_... has them here
def test_reset_in_quarantine(debug_guest):
    with debug_guest.monitor() as monitor:
        assert re.match("refused: ", monitor.command(f"reset {NVME}")[-1])
        assert monitor.finish(f"deassign {NVME}")[-1].endswith(": done")
        assert monitor.finish(f"reset {NVME}")[-1] == f"reset 0000:{NVME}: done"
        assert monitor.finish(f"assign {NVME}")[-1].endswith(": done")
    rescan_in_guest(debug_guest, NVME)
    debug_guest.sh("for t in $(seq 100); do [ -b /dev/nvme0n1 ] && exit; sleep 0.1; done; ls /dev/nvme*; exit 1")
    debug_guest.sh("dd if=/dev/nvme0n1 of=/dev/null bs=64k count=4")


@pytest.mark.full
def test_back_and_forth(debug_guest):
    """The oracle looks at everything after each of them."""
    with debug_guest.monitor() as monitor:
        for _ in range(20):
            assert monitor.finish(f"deassign {EDU}")[-1].endswith(": done")
            assert monitor.finish(f"assign {EDU}")[-1].endswith(": done")
    rescan_in_guest(debug_guest, EDU)
    assert debug_guest.sh("edudma self").values["self"] == "ok"


@pytest.mark.full_on("arm64")     # the operations are core/'s; test_deassign_... has them here
def test_monitor_answers_when_the_guest_is_dead(debug_guest):
    """The guest has left Linux for two instructions with interrupts off: nothing reads the serial port but Fairlead. The last resort is
    there, too."""
    guest = debug_guest
    guest.sh("dmesg -n 7")
    guest.type("exec spin jmp\r")
    guest.expect("these are the guest's last words")
    guest.expect("Starting new kernel")
    guest.type("is anybody there?")
    with guest.monitor() as monitor:
        assert monitor.command("pci")[-1] == "done"
        assert monitor.command("stats")[-1] == "done"
        assert monitor.finish(f"deassign {NVME}", 120)[-1] == f"deassign 0000:{NVME}: done"
    guest.type(MONITOR_ESCAPE)
    guest.expect("the keyboard is Fairlead's")
    guest.type("reset machine\r")
    guest.expect("fairlead: resetting the machine: monitor")
    guest.wait_for_shell()
    assert guest.sh(f"cat /sys/bus/pci/devices/0000:{NVME}/vendor").output.strip() == "0x1b36"


@pytest.mark.full     # a boot of its own
def test_monitor_off(keeper, default_devices, arch):
    """monitor=off: three times Ctrl-a are three characters to the guest."""
    off = keep(keeper, "monitor-off", default_devices + ["--set", "monitor=off"], False, arch)
    off.type("sh -c 'stty -icanon -echo min 4; echo begin; dd bs=4 count=1 2>/dev/null | hexdump -ve \"1/1 \\\"%02x\\\"\"; "
             "echo; stty icanon echo'\r")
    off.expect(r"[\r\n]begin\r")
    off.type(MONITOR_ESCAPE + "z")
    off.expect(r"[\r\n]0101017a\r")
