# SPDX-License-Identifier: BSD-2-Clause
"""Each way to end or restart the machine. One emulator: every reset goes through firmware and comes back to the shell."""
import functools
import http.server
import re
import threading

import pytest

from conftest import keep
from machine import Machine

RESETS = {      # all but the first are x86's
    "reboot-command": "reboot",
    "reset-control-register": "portio out 1 0xcf9 6",
    "keyboard-controller": "portio out 1 0x64 0xfe",
    "triple-fault": "echo triple > /sys/kernel/reboot/type; echo 1 > /sys/kernel/reboot/force; reboot",
    "acpi-reset-register": "echo acpi > /sys/kernel/reboot/type; reboot",
}


@pytest.fixture
def plain(keeper, bare, arch):
    """The machine of `make run`."""
    return keep(keeper, "power", [], bare, arch)


@pytest.mark.parametrize("way", [
    "reboot-command",
    pytest.param("keyboard-controller", marks=[pytest.mark.x86, pytest.mark.full]),
    pytest.param("triple-fault", marks=[pytest.mark.x86, pytest.mark.full]),
    pytest.param("reset-control-register", marks=[pytest.mark.x86, pytest.mark.full]),
    pytest.param("acpi-reset-register", marks=[pytest.mark.x86, pytest.mark.full])])
def test_reset_comes_back_to_the_shell(plain, way, bare):
    plain.sh("touch /tmp/before")
    since = plain.mark()
    plain.type(RESETS[way] + "\r")
    plain.wait_for_shell()
    assert plain.run("ls /tmp/before").status != 0, "the same boot as before"
    assert bare or [line for line in plain.fairlead_lines(since) if line.startswith("memory: ")]
    # Untrapped, most of these would reset the machine as well; it is Fairlead that must do it.
    assert bare or [line for line in plain.fairlead_lines(since) if re.match("resetting the machine: (the )?guest", line)]
    assert plain.console.isalive()


def test_network_works_after_resets(plain):
    """The card is handed over anew, without having been reset by power."""
    plain.sh("for i in $(seq 200); do [ -n \"$(ls /run/net/eth0 2>/dev/null)\" ] && break; sleep 0.1; done; "
             "ping -c 3 -W 10 10.0.2.2", 90)


@pytest.fixture(name="guest_files")
def _guest_files(request):
    """A web server on the loopback interface of the host with the guest's kernel and initramfs; its port."""
    arch = request.getfixturevalue("smp" if "smp" in request.fixturenames else "plain").arch

    class Handler(http.server.SimpleHTTPRequestHandler):
        """Answers with files, in silence."""

        def log_message(self, format, *args):   # pylint: disable=redefined-builtin
            pass

    handler = functools.partial(Handler, directory=arch.files)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.full_on("arm64")     # test_smp_power has it there, on four CPUs
def test_kexec_starts_a_kernel_that_works(plain, bare, guest_files):
    """No firmware and no Fairlead in between: devices are as the first kernel left them, the maps stay."""
    wait = "for i in $(seq 200); do [ -n \"$(ls /run/net/eth0 2>/dev/null)\" ] && break; sleep 0.1; done"
    plain.sh(f"{wait}; cd /tmp && for f in vmlinuz initrd.gz; do wget -q http://10.0.2.2:{guest_files}/$f || exit 1; done",
             120)
    since = plain.mark()
    plain.type("kexec /tmp/vmlinuz /tmp/initrd.gz\r")
    plain.wait_for_shell()
    assert plain.run("ls /tmp/vmlinuz").status != 0, "the same boot as before"
    assert bare or not [line for line in plain.fairlead_lines(since) if line.startswith("memory: ")], "not a kexec"
    plain.sh(f"{wait}; ping -c 3 -W 10 10.0.2.2", 90)


def test_power_off_ends_with_success(plain):
    plain.type("poweroff\r")
    assert plain.wait_for_end(60) == 0


@pytest.mark.full     # run-qemu's answer to a reset that is tested above
def test_reset_with_no_reboot_ends_with_success(keeper, bare, arch):
    keeper.stop()
    with Machine("no-reboot", "--no-devices", "--no-reboot", "--append", "fl.run=reboot", arch=arch, bare=bare) as machine:
        assert machine.wait_for_end(240) == 0
