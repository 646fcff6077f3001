# SPDX-License-Identifier: BSD-2-Clause
"""What the guest's CPU and devices do, as QEMU itself sees it: neither Fairlead nor the guest is asked.

QEMU's log class in_asm prints a line for each exit from the guest (cpu_vmexit() in its target/i386), the trace event
apic_deliver_irq one for each interrupt that reaches a local APIC; both are switched on while the machine runs.
"""
import os
import re
import socket
from collections import Counter

# Code, EXITINFO1, EXITINFO2, RIP: AMD64 APM volume 2, appendix C and 15.10.2.
EXIT = re.compile(r"vmexit\(([0-9a-f]{8}), ([0-9a-f]{16}), ([0-9a-f]{16}), [0-9a-f]{16}\)!")
INTERRUPT = re.compile(r"apic_deliver_irq .* vector (\d+) ")
EXIT_NMI, EXIT_CPUID, EXIT_IO, EXIT_MSR, EXIT_NPF = 0x61, 0x72, 0x7B, 0x7C, 0x400
IO_IN, IO_SIZE_32 = 1 << 0, 1 << 6
CONFIG_ADDRESS, CONFIG_DATA, CONFIG_ENABLE = 0xCF8, 0xCFC, 1 << 31
# What tests/guest/interrupts.h does at each mark: nobody else reads that port.
MARK = (EXIT_IO, CONFIG_ADDRESS << 16 | IO_SIZE_32 | IO_IN)
MARKS = 3


class Exits:
    """Logs while it is entered: `with Exits(guest) as exits: ...`; then the exits, and the interrupts delivered, are there."""

    def __init__(self, guest):
        self.qmp = guest.qmp
        self.path = os.path.join(guest.folder.name, "exits.log")
        self.lines = []     # (code, EXITINFO1) of an exit, or the vector of an interrupt
        self.details = []   # EXITINFO2 of each line: the address, if it is a fault of the nested tables

    def __enter__(self):
        self.qmp.monitor(f"logfile {self.path}")
        self.qmp.monitor("log in_asm,trace:apic_deliver_irq")
        return self

    def __exit__(self, *_):
        self.qmp.monitor("log none")
        with open(self.path, encoding="ascii", errors="replace") as file:
            for line in file:
                if found := EXIT.match(line):
                    self.lines.append((int(found.group(1), 16), int(found.group(2), 16)))
                    self.details.append(int(found.group(3), 16))
                elif found := INTERRUPT.match(line):
                    self.lines.append(int(found.group(1)))
                    self.details.append(None)
        os.unlink(self.path)

    def marks(self):
        """How many marks were seen."""
        return self.lines.count(MARK)

    def _window(self):
        at = [n for n, line in enumerate(self.lines) if line == MARK]
        assert len(at) == 2 * MARKS, f"{len(at)} marks seen"
        return slice(at[MARKS - 1] + 1, at[MARKS])

    def faults_between_marks(self):
        """{address: count} of the faults of the nested tables."""
        window = self._window()
        return Counter(detail for line, detail in zip(self.lines[window], self.details[window])
                       if isinstance(line, tuple) and line[0] == EXIT_NPF)

    def between_marks(self):
        """({exit code: count}, {vector: count}) between the two groups of marks of one program."""
        window = self.lines[self._window()]
        return (Counter(line[0] for line in window if isinstance(line, tuple)),
                Counter(line for line in window if isinstance(line, int)))


class Config:
    """The configuration space that the hardware has, past Fairlead's virtual one: `with Config(guest, "00:05.0") as config`. The
    guest stands still meanwhile, because it uses the same two ports."""

    def __init__(self, guest, bdf):
        self.qmp = guest.qmp
        bus, device, function = (int(part, 16) for part in re.split("[:.]", bdf))
        self.function = CONFIG_ENABLE | bus << 16 | device << 11 | function << 8

    def __enter__(self):
        self.qmp.command("stop")
        self.address = self.qmp.port(CONFIG_ADDRESS, 4)
        return self

    def __exit__(self, *_):
        self._out(CONFIG_ADDRESS, self.address)
        self.qmp.command("cont")

    def _out(self, port, value):
        self.qmp.monitor(f"o/w {port:#x} {value:#x}")

    def read(self, offset):
        """The dword."""
        self._out(CONFIG_ADDRESS, self.function | offset)
        return self.qmp.port(CONFIG_DATA, 4)

    def write(self, offset, value):
        self._out(CONFIG_ADDRESS, self.function | offset)
        self._out(CONFIG_DATA, value)

    def capability(self, wanted):
        at = self.read(0x34) & 0xFF
        while at:
            header = self.read(at & 0xFC)
            if header & 0xFF == wanted:
                return at
            at = header >> 8 & 0xFF
        raise AssertionError(f"no capability {wanted:#x}")


class PhysicalMemory:
    """Writes where neither a CPU nor the IOMMU is in between, a device's registers included: `with PhysicalMemory(guest) as memory`. By
    QEMU's gdb server, which takes physical addresses (QEMU documentation, "GDB usage"); the machine stands still meanwhile."""

    def __init__(self, guest):
        self.qmp, self.path = guest.qmp, os.path.join(guest.folder.name, "gdb")

    def __enter__(self):
        if not os.path.exists(self.path):
            self.qmp.monitor(f"gdbserver unix:{self.path},server=on,wait=off")
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)
        assert self._ask("Qqemu.PhyMemMode:1") == "OK"
        return self

    def __exit__(self, *_):
        self._ask("D")
        self.sock.close()
        self.qmp.monitor("gdbserver none")
        if os.path.exists(self.path):
            os.unlink(self.path)
        if self.qmp.command("query-status")["status"] != "running":
            self.qmp.command("cont")

    def _ask(self, packet):
        """One packet of the remote serial protocol, and its answer."""
        self.sock.sendall(b"$%s#%02x" % (packet.encode(), sum(packet.encode()) & 0xFF))
        data = b""
        while not (found := re.search(rb"\$([^#]*)#..", data)):
            more = self.sock.recv(4096)
            assert more, "QEMU's gdb server has gone"
            data += more
        self.sock.sendall(b"+")
        return found.group(1).decode()

    def write(self, address, value, size):
        assert self._ask(f"M{address:x},{size:x}:{value.to_bytes(size, 'little').hex()}") == "OK"
