# SPDX-License-Identifier: BSD-2-Clause
"""One run of QEMU: started, watched, and its end turned into an exit status.

Three sources say how it went: QEMU's own control socket (QMP) tells why the machine ended, the serial log tells
whether Fairlead refused or panicked, and the clock tells whether the time limit has passed.
"""
import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time

from . import machine

OK, REFUSED, QEMU_FAILED, STOPPED, TIME_LIMIT = 0, 1, 3, 4, 124

PR_SET_PDEATHSIG = 1
POLL_S = 0.1            # how often the log is looked at
PANIC_SETTLE_S = 2      # after a panic, the time without a further line until the dump counts as complete

ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")
ERROR = re.compile(r"^\s*fairlead: error:")
PANIC = re.compile(r"fairlead: panic:")
# What the boot manager of OVMF and AAVMF, or U-Boot, prints when a boot application came back to it with an error.
BACK_IN_FIRMWARE = re.compile(r"BdsDxe: failed to (start|load)|^## Application failed")
SHELL_STATUS = re.compile(r"FAIRLEAD-EFI-STATUS (?:0x)?([0-9A-Fa-f]+)")


class Stop(Exception):
    """A signal asked us to end."""


class Log:
    """The serial output, followed as it grows."""

    def __init__(self, path):
        open(path, "wb").close()
        self.file = open(path, "rb")
        self.partial = ""
        self.last_growth = time.monotonic()

    def new_lines(self):
        data = self.file.read()
        if not data:
            return []
        self.last_growth = time.monotonic()
        text = ESCAPES.sub("", self.partial + data.decode(errors="replace"))
        *lines, self.partial = re.split(r"[\r\n]+", text)
        return lines


class Qmp:
    """The control socket: we only listen for the reason of the end."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.setblocking(False)
        self.buffer = b""
        self.reason = None
        self.open = True
        sock.send(b'{"execute": "qmp_capabilities"}\n')

    def read(self):
        try:
            while self.open:
                data = self.sock.recv(65536)
                self.open = bool(data)
                self.buffer += data
        except BlockingIOError:
            pass
        except OSError:
            self.open = False
        *messages, self.buffer = self.buffer.split(b"\n")
        for message in messages:
            try:
                event = json.loads(message)
            except ValueError:
                continue
            if event.get("event") == "SHUTDOWN":
                self.reason = event["data"].get("reason", "unknown")


class Stderr:
    """QEMU's own messages, passed on without the ones that each start under TCG brings."""

    NOISE = b"TCG doesn't support requested feature"

    def __init__(self, pipe):
        self.pipe = pipe
        self.open = True
        self.partial = b""
        os.set_blocking(pipe.fileno(), False)

    def pass_on(self):
        data = b""
        try:
            while self.open:
                more = os.read(self.pipe.fileno(), 65536)
                self.open = bool(more)
                data += more
        except BlockingIOError:
            pass
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            if self.NOISE not in line:
                print(line.decode(errors="replace"), file=sys.stderr, flush=True)


class Verdict:
    """What the serial lines say about Fairlead."""

    def __init__(self):
        self.error = None           # the first error line since the firmware last had control
        self.refused = None         # that line, once the firmware has control again
        self.panic = None
        self.shell_status = None

    def see(self, line):
        if ERROR.search(line):
            self.error = self.error or line.strip()
        if PANIC.search(line):
            self.panic = self.panic or line.strip()
        if BACK_IN_FIRMWARE.search(line) and self.error:
            self.refused = self.error
        status = SHELL_STATUS.search(line)
        if status:
            self.shell_status = int(status.group(1), 16)


def say(text):
    print(f"run-qemu: {text}", file=sys.stderr, flush=True)


def _die_with_parent():
    """In the child: be killed when run-qemu is, however that happens."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _on_signal(number, _frame):
    raise Stop(signal.Signals(number).name)


def _end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _watch(process, qmp, stderr, log, options):
    """Returns the exit status, and says why. QEMU may still be running then."""
    deadline = time.monotonic() + options.timeout if options.timeout else None
    verdict = Verdict()
    while True:
        ended = process.poll() is not None      # asked first: what is read below is then complete
        sources = [s for s, is_open in ((qmp.sock, qmp.open), (stderr.pipe, stderr.open)) if is_open]
        select.select(sources, [], [], 0 if ended else POLL_S)
        qmp.read()
        stderr.pass_on()
        lines = log.new_lines()
        if not options.bare:
            for line in lines:
                verdict.see(line)
        if verdict.refused and options.shell is None:
            say("Fairlead refused: " + verdict.refused)
            return REFUSED
        if verdict.panic and not options.panic_reboots and (ended or time.monotonic() > log.last_growth + PANIC_SETTLE_S):
            say("Fairlead panicked: " + verdict.panic)
            return REFUSED
        if ended:
            return _status_of_end(process, qmp, verdict, options)
        if deadline and time.monotonic() > deadline:
            say(f"time limit of {options.timeout:g} s reached")
            return TIME_LIMIT


def _status_of_end(process, qmp, verdict, options):
    if qmp.reason == "guest-shutdown" and options.shell is not None:
        if verdict.shell_status is None:
            say("the UEFI shell did not say how fairlead.efi ended")
            return REFUSED
        say(f"fairlead.efi returned {verdict.shell_status:#x}")
        return REFUSED if verdict.shell_status else OK
    if qmp.reason == "guest-shutdown":
        say("the guest powered off")
        return OK
    if qmp.reason == "guest-reset" and options.no_reboot:
        say("the guest reset the machine")
        return OK
    if qmp.reason in ("host-qmp-quit", "host-signal"):
        say(f"QEMU was stopped from outside ({qmp.reason})")
        return STOPPED
    say(f"QEMU failed: exit status {process.returncode}, reason {qmp.reason or 'not given'}")
    return QEMU_FAILED


def run(options, conf, cmdline, folder):
    """Start QEMU and stay until it ends or has to be ended. Returns the exit status."""
    ours, theirs = socket.socketpair()
    command = machine.command_line(options, conf, cmdline, folder, theirs.fileno())
    if options.verbose:
        say(" ".join(command))
    terminal = termios.tcgetattr(sys.stdin) if sys.stdin and sys.stdin.isatty() else None
    log = Log(options.log)
    process = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    try:
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE,
                                   preexec_fn=_die_with_parent)
        theirs.close()
        return _watch(process, Qmp(ours), Stderr(process.stderr), log, options)
    except Stop as stop:
        say(f"stopped by {stop}")
        return STOPPED
    except OSError as error:
        say(f"QEMU could not be run: {error}")
        return QEMU_FAILED
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if process:
            _end(process)
        if terminal:
            # QEMU restores it too, but not when it was killed.
            termios.tcsetattr(sys.stdin, termios.TCSANOW, terminal)
