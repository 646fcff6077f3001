# SPDX-License-Identifier: BSD-2-Clause
"""A machine under test: tools/run-qemu at the end of a pseudo terminal, and a shell in its guest."""
import os
import re
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass

import pexpect

import qmp
from arch import ROOT, X86

RUN_QEMU = os.path.join(ROOT, "tools", "run-qemu")
LOGS = os.path.join(ROOT, "build", "tests", "system")

READY = "FAIRLEAD-GUEST-READY"
PROMPT = "guest# "
BOOT_S = 240            # the slowest boot that is still one, on a busy machine
COMMAND_S = 60
SHELL_LINE = 1024       # busybox's line editor takes no more
MACHINE_LIMIT_S = 1500  # run-qemu's own time limit: nothing here leaves an emulator behind

ESCAPES = re.compile(r"\x1b(\[[0-9;?=]*[A-Za-z]|[78c=>])")
# Fairlead's lines may stand anywhere among the guest's.
FAIRLEAD = re.compile(r"(?m)^fairlead: ([^\r\n]*)\r?\n?")
# The last line of a monitor command.
MONITOR_END = r"(?:done|pending|refused: [^\r\n]*|unknown command [^\r\n]*)"
MONITOR_ESCAPE = "\x01" * 3       # Ctrl-a
MEMORY = re.compile(r"^memory: (0x[0-9a-f]+) - (0x[0-9a-f]+) (.+?)\s*$")


class GuestError(AssertionError):
    """A command in the guest ended with another status than 0."""


@dataclass
class Result:
    """What a command in the guest printed (both streams, Fairlead's lines taken out) and its exit status."""

    output: str
    status: int

    @property
    def values(self):
        """The key=value lines. A key that comes twice has its last value."""
        pairs = (line.split("=", 1) for line in self.output.splitlines() if "=" in line)
        return {key.strip(): value.strip() for key, value in pairs}

    def number(self, key="value"):
        return int(self.values[key], 0)


@dataclass
class MemoryRange:
    """A line of Fairlead's memory map; `end` is the first byte after it."""

    start: int
    end: int
    kind: str


class Monitor:
    """The keyboard in Fairlead's hands: `with machine.monitor() as monitor:`. The guest runs on, but cannot be typed to."""

    def __init__(self, machine):
        self.machine = machine

    def __enter__(self):
        self.machine.type(MONITOR_ESCAPE)
        self.machine.expect(r"fairlead: monitor: the keyboard is Fairlead's[^\r\n]*\r\n")
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.machine.type(MONITOR_ESCAPE)
            self.machine.expect(r"fairlead: monitor: the keyboard is the guest's\r\n")

    def command(self, text, timeout=COMMAND_S):
        """The lines that a command said, the last of them included."""
        since = self.machine.mark()
        self.machine.type(text + "\r")
        self.machine.expect(rf"[\r\n]fairlead: {MONITOR_END}\r\n", timeout)
        return self.machine.fairlead_lines(since)

    def wait_for(self, pattern, timeout=COMMAND_S):
        """The next line of Fairlead's in which the pattern is found."""
        return self.machine.expect(rf"fairlead: ([^\r\n]*{pattern}[^\r\n]*)\r\n", timeout).group(1)

    def finish(self, text, timeout=COMMAND_S):
        """A command that may go on after it: waits for what became of it. Returns all lines."""
        said = self.command(text, timeout)
        if said[-1] == "pending":
            verb = text.split()[0]
            said.append(self.wait_for(rf"{verb} [0-9a-f:.]+: (?:done|failed)", timeout))
        return said


class Machine:
    """Start one with the options of run-qemu; use it as a context manager, or call stop()."""

    def __init__(self, name, *options, arch=X86, bare=False, limit=MACHINE_LIMIT_S, efi=None):
        os.makedirs(LOGS, exist_ok=True)
        self.arch = arch
        name = arch.prefix + name
        self.name = name
        self.log_path = os.path.join(LOGS, f"{name}.log")
        self.folder = tempfile.TemporaryDirectory(prefix="fairlead-test-")
        self.qmp_path = os.path.join(self.folder.name, "qmp")
        self._qmp = None
        self._commands = 0
        self._transcript = ""
        self.usable = True      # False once the guest has not answered in time
        arguments = [RUN_QEMU, "--arch", arch.name, "--qmp", self.qmp_path, "--log", self.log_path, "--timeout", str(limit)]
        if bare:
            arguments.append("--bare")
        else:
            arguments += ["--efi", efi or arch.efi]
        self.options = arguments[1:] + list(options)
        # QEMU reports each blocked DMA on its standard error, which must not come in the middle of a serial line.
        def own_stderr():
            file = os.open(os.path.join(LOGS, f"{name}.stderr"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(file, 2)
            os.close(file)
        self.console = pexpect.spawn(sys.executable, arguments + list(options), timeout=COMMAND_S,
                                     preexec_fn=own_stderr,
                                     encoding="utf-8", codec_errors="replace", echo=False,
                                     dimensions=(50, 500), maxread=65536)
        self.console.delaybeforesend = None
        # The guest ends its lines itself; the pseudo terminal is not to add to them.
        settings = termios.tcgetattr(self.console.child_fd)
        settings[1] &= ~termios.ONLCR
        termios.tcsetattr(self.console.child_fd, termios.TCSANOW, settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # --- life ------------------------------------------------------------------------------------------------------

    def wait_for_shell(self, timeout=BOOT_S):
        """The guest has booted and shows its prompt."""
        self.expect(READY, timeout)
        self.expect(PROMPT, timeout)
        return self

    def alive(self):
        return self.usable and self.console.isalive()

    def wait_for_end(self, timeout=COMMAND_S):
        """run-qemu's exit status, once the machine has ended by itself."""
        try:
            self._keep(pexpect.EOF, timeout)
        finally:
            self.usable = False
        self.console.wait()
        return self.console.exitstatus

    def stop(self):
        """End the machine, whatever state it is in. run-qemu takes QEMU along."""
        self.usable = False
        if self._qmp:
            self._qmp.close()
            self._qmp = None
        if self.console.isalive():
            self.console.kill(15)
            deadline = time.monotonic() + 15
            try:
                self.console.expect(pexpect.EOF, timeout=max(1, deadline - time.monotonic()))
            except pexpect.TIMEOUT:
                pass
        self.console.close(force=True)
        self.folder.cleanup()

    # --- the serial line -------------------------------------------------------------------------------------------

    def _keep(self, pattern, timeout):
        """expect() that keeps what went by; a timeout says what the last lines were."""
        try:
            index = self.console.expect(pattern, timeout=timeout)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            self.usable = False
            tail = "\n".join((self.console.before or "").splitlines()[-40:])
            what = "ended" if isinstance(error, pexpect.EOF) else f"did not answer in {timeout} s"
            raise AssertionError(f"{self.name} {what}, waiting for {pattern!r}; its last lines (more in "
                                 f"{self.log_path}):\n{tail}") from None
        after = self.console.after if isinstance(self.console.after, str) else ""
        self._transcript += self.console.before + after
        return index

    def expect(self, pattern, timeout=COMMAND_S):
        """Wait until the serial line shows the regular expression; returns its match."""
        self._keep(pattern, timeout)
        return self.console.match

    def type(self, text):
        """Keys, without the Enter."""
        self.console.send(text)

    @property
    def transcript(self):
        """What has been read from the serial line so far, without cursor movements."""
        return ESCAPES.sub("", self._transcript)

    def run(self, command, timeout=COMMAND_S):
        """Run a line of shell in the guest; returns its Result, whatever its status."""
        self._commands += 1
        mark = f"@{self._commands}"
        # The echo of what is typed shows the marks with the quotes in them, the output without: so it is told apart.
        # The output goes through a file, because a line of Fairlead's may come in the middle of one of the command's.
        line = (f"({command}) >/tmp/output 2>&1 </dev/null; S=$?; echo; echo '@'{self._commands}; "
                f"cat /tmp/output; echo; echo '@'{self._commands} $S")
        assert "\n" not in line and len(line) < SHELL_LINE, "more than the guest's shell takes"
        self.console.send(line + "\r")
        found = self.expect(rf"[\r\n]{mark}\r?\n((?s:.*?))\r?\n{mark} (\d+)\r?\n", timeout)
        output = FAIRLEAD.sub("", ESCAPES.sub("", found.group(1))).replace("\r\n", "\n")
        return Result(output, int(found.group(2)))

    def sh(self, command, timeout=COMMAND_S):
        """The same; another status than 0 fails the test."""
        result = self.run(command, timeout)
        if result.status:
            raise GuestError(f"`{command}` ended with {result.status}:\n{result.output}")
        return result

    def monitor(self):
        return Monitor(self)

    # --- what Fairlead says ----------------------------------------------------------------------------------------

    def fairlead_lines(self, since=0):
        """Fairlead's lines without their mark, from the given place in the transcript on."""
        return [match.group(1) for match in FAIRLEAD.finditer(self.transcript[since:])]

    def mark(self):
        """The place in the transcript that is now its end."""
        return len(self.transcript)

    def wait_for_fairlead(self, pattern, since, timeout=COMMAND_S):
        """The first line of Fairlead's since the mark that the pattern matches. While there is none, the guest is kept
        busy: a fault is reported at the next exit."""
        deadline = time.monotonic() + timeout
        while True:
            for line in self.fairlead_lines(since):
                if re.search(pattern, line):
                    return line
            assert time.monotonic() < deadline, \
                f"no line of Fairlead's matches {pattern!r}; it said: {self.fairlead_lines(since)}"
            self.sh("true")

    def memory_map(self, kind=None):
        """The ranges Fairlead printed at start; of the last boot, if there were several."""
        ranges = {}
        for line in self.fairlead_lines():
            found = MEMORY.match(line)
            if found:
                start, last = int(found.group(1), 16), int(found.group(2), 16)
                end = last + 1 if last & 0xFFF == 0xFFF else last
                ranges[start] = MemoryRange(start, end, found.group(3))
        return [r for _, r in sorted(ranges.items()) if kind in (None, r.kind)]

    def nvme(self):
        """The disk's file in /dev: under U-Boot the boot disk is an NVMe, too."""
        return self.sh("for d in /sys/block/nvme?n1; do [ $(cat $d/device/serial) = fairlead ] && echo /dev/${d##*/}; done; true").output.strip()

    # --- the machine from outside ----------------------------------------------------------------------------------

    @property
    def qmp(self):
        if self._qmp is None:
            self._qmp = qmp.Qmp(self.qmp_path)
        return self._qmp

    def ecam(self):
        """Where configuration space of bus 0 is in memory, as the ACPI table MCFG or the device tree says."""
        if self.arch.name != "x86":
            return int(self.sh("grep -i ECAM /proc/iomem").output.split("-")[0], 16)
        table = bytes.fromhex(self.sh("hexdump -ve '1/1 \"%02x\"' /sys/firmware/acpi/tables/MCFG").output.strip())
        # A header of 36 bytes, 8 reserved ones, then the first window: its base address in 64 bits.
        return int.from_bytes(table[44:52], "little")


def run_qemu(*options, timeout=120):
    """run-qemu to its end, without a terminal; for what needs no guest to talk to."""
    return subprocess.run([RUN_QEMU, *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, check=False, text=True, errors="replace")
