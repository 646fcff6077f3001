# SPDX-License-Identifier: BSD-2-Clause
"""The machine seen from outside: a small client of QEMU's control protocol (QMP)."""
import json
import os
import re
import socket
import struct
import tempfile


PORT_SUFFIX = {1: "b", 2: "h", 4: "w"}   # of the monitor's `i` command


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """One connection. Commands are answered in order; events are kept in `events`."""

    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.file = self.sock.makefile("rb")
        self.events = []
        self._message("QMP")
        self.command("qmp_capabilities")

    def close(self):
        self.file.close()
        self.sock.close()

    def _message(self, *keys):
        while True:
            line = self.file.readline()
            if not line:
                raise QmpError("QEMU has closed the connection")
            message = json.loads(line)
            if "event" in message:
                self.events.append(message)
            if any(key in message for key in keys):
                return message

    def command(self, name, **arguments):
        request = {"execute": name, "arguments": arguments}
        self.sock.sendall(json.dumps(request).encode() + b"\n")
        reply = self._message("return", "error")
        if "error" in reply:
            raise QmpError(f"{name}: {reply['error'].get('desc')}")
        return reply["return"]

    def monitor(self, line):
        """A command of the human monitor; returns its text."""
        return self.command("human-monitor-command", **{"command-line": line})

    def memory(self, address, size):
        """Physical memory as the bus has it: no CPU, no guest and no IOMMU in between."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "memory")
            self.command("pmemsave", val=address, size=size, filename=path)
            with open(path, "rb") as file:
                data = file.read()
        if len(data) != size:
            raise QmpError(f"pmemsave of {size} bytes at {address:#x} gave {len(data)}")
        return data

    def memory32(self, address):
        return struct.unpack("<I", self.memory(address, 4))[0]

    def port(self, port, size):
        """What a read of an I/O port gives, asked from outside. size: 1, 2 or 4."""
        text = self.monitor(f"i/x{PORT_SUFFIX[size]} {port:#x}")
        found = re.search(r"=\s*(?:0x)?([0-9a-fA-F]+)\s*$", text.strip())
        if not found:
            raise QmpError(f"port {port:#x}: {text!r}")
        return int(found.group(1), 16)
