# SPDX-License-Identifier: BSD-2-Clause
"""What a user of the guest sees: the shell, the devices, the network, the disk, the console, the kernel's log."""
import hashlib
import http.server
import random
import re
import threading

import pytest

from conftest import E1000E, EDU, NVME, NVME_BYTES, VIRTIO_NET

DOWNLOAD_BYTES = 10 * 1000 * 1000
SMALL_BYTES = 1000 * 1000
DOWNLOAD_S = 120

# Driver, and the address of the host in that card's own network. Routes go by network, so a transfer from that address
# passes through that card only.
CARDS = [pytest.param("e1000e", "10.0.2.2", id="e1000e"), pytest.param("virtio_net", "10.0.3.2", id="virtio-net")]


@pytest.fixture(scope="module", name="served")
def _served():
    """A web server on the loopback interface of the host, with one file of random bytes, and its beginning as another: (port, SHA-256)."""
    data = random.Random("download").randbytes(DOWNLOAD_BYTES)

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers every GET with the file, or with its beginning."""

        def do_GET(self):   # pylint: disable=invalid-name
            part = data[:SMALL_BYTES] if self.path == "/small" else data
            self.send_response(200)
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, format, *args):   # pylint: disable=redefined-builtin
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], hashlib.sha256(data).hexdigest()
    server.shutdown()
    server.server_close()


def interface_of(guest, driver):
    """The network interface that this driver made. Virtio's driver is bound to a device below the PCI function."""
    return guest.sh(f"for i in /sys/class/net/*; do case $(readlink $i/device/driver) in */{driver}) echo ${{i##*/}};;"
                    " esac; done").output.strip()


def with_address(guest, driver):
    """The interface, once DHCP has given it an address; and what DHCP said."""
    interface = interface_of(guest, driver)
    assert interface, f"no interface of {driver}"
    lease = guest.sh(f"for i in $(seq 200); do [ -f /run/net/{interface} ] && break; sleep 0.1; done; "
                     f"cat /run/net/{interface}").output
    return interface, lease.split()


def test_guest_shell_reached_unattended(guest):
    assert guest.sh("uname -s").output.strip() == "Linux"
    assert guest.sh("echo $$; cat /proc/1/comm").output.split()[-1] == "init"


def test_fairlead_is_underneath(guest):
    """Fairlead has named its memory. On x86 the CPU says that there is a hypervisor with the documented KVM leaves, on arm64 the
    kernel finds itself at EL1."""
    assert guest.memory_map("Fairlead")
    assert guest.memory_map("RAM")
    assert guest.arch.hypervisor in guest.sh("dmesg").output


def test_lspci_shows_the_devices(guest):
    shown = {line.split()[0]: line for line in guest.sh("lspci -n").output.splitlines()}
    for bdf, ids in ((E1000E, "8086:10d3"), (VIRTIO_NET, "1af4:1041"), (NVME, "1b36:0010"), (EDU, "1234:11e8"),
                     ("00:00.0", guest.arch.host_bridge), guest.arch.boot_disk[:2]):
        assert bdf in shown, f"{bdf} is missing in {shown}"
        assert ids in shown[bdf]


@pytest.mark.parametrize("driver, host", CARDS)
def test_dhcp(guest, driver, host):
    _, (address, router) = with_address(guest, driver)
    network = host.rsplit(".", 1)[0]
    assert re.fullmatch(re.escape(network) + r"\.\d+/24", address)
    assert router == host


@pytest.mark.parametrize("driver, host", CARDS)
def test_three_pings(guest, driver, host):
    interface, _ = with_address(guest, driver)
    sent = "cat /sys/class/net/{}/statistics/tx_packets".format(interface)
    before = guest.sh(sent).output
    output = guest.sh(f"ping -c 3 -W 10 -I {interface} {host}").output
    assert "3 packets transmitted, 3 packets received, 0% packet loss" in output
    assert int(guest.sh(sent).output) >= int(before) + 3


@pytest.mark.parametrize("driver, host", CARDS)
def test_download_of_10_mb(guest, driver, host, served):
    interface, _ = with_address(guest, driver)
    port, digest = served
    received = "cat /sys/class/net/{}/statistics/rx_bytes".format(interface)
    before = int(guest.sh(received).output)
    got = guest.sh(f"wget -q -O - http://{host}:{port}/file | sha256sum", DOWNLOAD_S).output.split()[0]
    assert got == digest
    assert int(guest.sh(received).output) - before >= DOWNLOAD_BYTES, "the bytes came another way"


def test_nvme_reads_the_image(guest, nvme_image):
    got = guest.sh(f"dd if={guest.nvme()} bs=64k count={NVME_BYTES // 65536} 2>/dev/null | sha256sum", 120).output.split()[0]
    assert got == hashlib.sha256(nvme_image.read_bytes()).hexdigest()


def test_nvme_writes_and_reads_back(guest):
    """The image is a snapshot: what is written lasts as long as the machine."""
    guest.sh("dd if=/dev/urandom of=/tmp/r bs=64k count=16 2>/dev/null")
    disk = guest.nvme()
    guest.sh(f"dd if=/tmp/r of={disk} bs=64k seek=64 conv=fsync 2>/dev/null")
    guest.sh(f"echo 3 > /proc/sys/vm/drop_caches; dd if={disk} bs=64k skip=64 count=16 2>/dev/null | cmp - /tmp/r")


def test_guest_reads_the_boot_disk(guest):
    """The boot disk is the guest's too; its file system is labelled by tools/mkboot."""
    assert "FAIRLEAD" in guest.sh(f"dd if={guest.arch.boot_disk[2]} bs=64k count=1 2>/dev/null | strings").output


def test_interrupts_arrive(guest):
    """Each card's interrupt count grows while it works: nothing is polled."""
    interface, _ = with_address(guest, "e1000e")
    count = f"grep {interface} /proc/interrupts | awk '{{ s += $2 }} END {{ print s }}'"
    before = int(guest.sh(count).output)
    guest.sh("ping -c 3 -W 10 10.0.2.2")
    assert int(guest.sh(count).output) > before


def test_control_c_reaches_the_guest(guest):
    # The sleeping process is the one that says so: it has the terminal by then.
    guest.type("sh -c 'echo begin; exec sleep 1000'\r")
    guest.expect(r"[\r\n]begin\r")
    guest.type("\x03")
    guest.expect(r"\^C")
    guest.expect("guest# ")
    guest.type("echo status $?\r")
    guest.expect(r"[\r\n]status 130\r")


def test_console_carries_bulk_output(guest):
    """100 KB through the emulated serial port, nothing lost or swapped."""
    wanted = [f"line {i} of the console" for i in range(4000)]
    got = guest.sh("i=0; while [ $i -lt 4000 ]; do echo line $i of the console; i=$((i+1)); done", 180).output.rstrip("\n").split("\n")
    known = set(wanted)
    assert [line for line in got if line not in known] == []
    assert got == wanted


def test_console_takes_a_long_line(guest):
    """Typed faster than the guest reads: the serial port's flow must hold it back, not drop it."""
    text = "".join(random.Random("typed").choices("abcdefghijklmnopqrstuvwxyz0123456789", k=3000))
    guest.type("echo begin; head -n 1 > /tmp/typed; echo end\r")   # `head`, because the shell takes 1024 bytes a line
    guest.expect(r"[\r\n]begin\r")
    guest.type(text + "\r")
    guest.expect(r"[\r\n]end\r")
    assert guest.sh("cat /tmp/typed").output.strip() == text


def test_kernel_log_is_clean(guest):
    log = guest.sh("dmesg").output
    for bad in ("unchecked MSR access", "PV spinlocks disabled, no host support", "WARNING:", "BUG:", "Oops", "Call Trace",
                "rcu_sched", "soft lockup", "DMAR:", "failed to assign", "can't claim", "broken device",
                "NMI received for unknown reason", "Uhhuh", "arm-smmu", "SError", "Unhandled fault"):
        # One WARNING is a matter of the CPU model's, the same without a hypervisor.
        lines = [line for line in log.splitlines() if bad in line and "Speculative Return Stack Overflow" not in line
                 and not (guest.arch.name == "arm64" and "[io " in line)]    # the guest gets no I/O space there
        assert not lines, lines


@pytest.mark.x86
def test_acpi_tables_are_filtered(guest):
    """The guest has the firmware's tables, but none that names what is Fairlead's."""
    tables = guest.sh("ls /sys/firmware/acpi/tables").output.split()
    assert {"APIC", "DSDT", "FACP", "MCFG"} <= set(tables)
    assert not {"DMAR", "IVRS", "HPET"} & set(tables)
    assert not re.search(r"(?i)(invalid|incorrect|bad).*checksum", guest.sh("dmesg | grep -i acpi").output)


@pytest.mark.arm64
def test_device_tree_is_filtered(guest):
    """The guest has the firmware's tree without SMMU and ITS; messages go to the frame; PSCI is Fairlead's; memory is reserved."""
    guest.sh("cd /proc/device-tree; find . -name compatible -exec cat {} + | tr '\\0' '\\n' | sort -u > /tmp/compatible")
    found = set(guest.sh("cat /tmp/compatible").output.split())
    assert {"arm,gic-v3", "arm,gic-v2m-frame", "pci-host-ecam-generic", "arm,pl011"} <= found
    assert not {"arm,smmu-v3", "arm,gic-v3-its"} & found
    assert guest.sh("cat /proc/device-tree/psci/method").output.strip("\0\n ") == "hvc"
    assert guest.sh("cd /proc/device-tree; find . -name iommu-map -o -name iommus").output.strip() == ""
    frame = guest.sh("cd /proc/device-tree; for f in $(find . -name msi-controller); do d=${f%/*}; "
                     "grep -q v2m $d/compatible && hexdump -ve '1/1 \"%02x\"' $d/phandle; done").output.strip()
    msi_map = guest.sh("cd /proc/device-tree; hexdump -ve '1/1 \"%02x\"' pcie*/msi-map").output.strip()
    assert len(frame) == 8 and [msi_map[at + 8:at + 16] for at in range(0, len(msi_map), 32)] == [frame] * (len(msi_map) // 32)
    assert "ITS" not in guest.sh("cat /proc/interrupts").output
    iomem = guest.sh("cat /proc/iomem").output
    for r in guest.memory_map("Fairlead"):
        for line in iomem.splitlines():
            start, end = (int(text, 16) for text in line.split()[0].split("-"))
            assert "System RAM" not in line or end < r.start or start >= r.end, line


@pytest.mark.x86
def test_hpet_is_hidden(guest):
    assert "hpet" not in guest.sh("cat /sys/devices/system/clocksource/clocksource0/available_clocksource").output
    assert "hpet" not in guest.sh("cat /proc/iomem /proc/timer_list").output.lower()
    for size in (4, 8):
        assert guest.sh(f"physmem read {size} 0xfed00000").number() == (1 << 8 * size) - 1


def test_no_efi_runtime_services(guest):
    """The guest has no way into firmware's runtime code; nor is that code in its map (test_memory)."""
    assert guest.run("ls /sys/firmware/efi").status != 0
    assert "EFI v" not in guest.sh("dmesg").output
