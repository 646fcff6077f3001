# SPDX-License-Identifier: BSD-2-Clause
"""Counters that are exact, and a trace that the host tool turns into a timeline: on the machine, and of logs made by hand."""
import json
import os
import re
import subprocess
import sys
import zlib

import pytest

from conftest import E1000E
from machine import ROOT

TOOL = os.path.join(ROOT, "tools", "trace2perfetto")
DUMP_S = 300            # a full ring at a serial line's speed


def convert(tmp_path, text, *options):
    """Runs the tool on a log; returns (exit status, what it said, the JSON or None)."""
    log, out = tmp_path / "console.log", tmp_path / "out.json"
    log.write_bytes(text if isinstance(text, bytes) else text.encode())
    out.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-B", TOOL, str(log), "-o", str(out), *options], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, done.stderr, json.loads(out.read_text()) if out.exists() else None


def check_format(trace):
    """The rules of the Trace Event Format: phases and their keys, times in order, bars that nest on each thread."""
    events = trace["traceEvents"]
    for event in events:
        assert {"name", "ph", "pid", "tid", "ts"} <= set(event), event
        assert event["ph"] in "XiCM", event
        assert isinstance(event["ts"], (int, float)) and event["ts"] >= 0
        assert event["ph"] != "X" or event["dur"] >= 0
        assert event["ph"] != "i" or event["s"] in "tpg"
        assert event["ph"] not in "CM" or event["args"]
    timed = [event for event in events if event["ph"] != "M"]
    assert [event["ts"] for event in timed] == sorted(event["ts"] for event in timed)
    threads = {event["tid"] for event in timed}
    named = {event["tid"] for event in events if event["name"] == "thread_name"}
    assert threads <= named and any(event["name"] == "process_name" for event in events)
    for thread in threads:
        ends = []
        for event in timed:
            if event["ph"] != "X" or event["tid"] != thread:
                continue
            while ends and ends[-1] <= event["ts"]:
                ends.pop()
            assert not ends or event["ts"] + event["dur"] <= ends[-1], event
            ends.append(event["ts"] + event["dur"])


# --- logs made by hand -----------------------------------------------------------------------------------------------------

HEAD = ["dump 1 cycles/us 1000 cpus 2",
        "names exit 0 cpuid io",
        "event 1 exit exit reason:exit rip:hex took:cycles detail:hex",
        "event 21 config config-read offset:hex value:hex sbdf:sbdf size:decimal"]
RECORDS = ["0 1 1388 1 ffffffff81000000 3e8 cf8",               # 5 us, 1 us long
           "0 21 157c 10 feb00000 10010 4",                     # 5.5 us, 0001:00:02.0
           "1 1 7d0 0 1000 1f4 1"]                               # 2 us, 0.5 us long


def dump(lines, lost=0, records=None, checksum=None):
    if checksum is None:
        checksum = zlib.crc32("".join(line + "\n" for line in lines).encode())
    count = len(lines) - len(HEAD) if records is None else records
    return "".join(f"fairlead: trace: {line}\r\n" for line in [*lines, f"end records {count} lost {lost} checksum {checksum:08x}"])


def test_a_dump_becomes_a_timeline(tmp_path):
    status, said, trace = convert(tmp_path, dump(HEAD + RECORDS))
    assert (status, said) == (0, "")
    check_format(trace)
    exits = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert [(event["name"], event["tid"], event["ts"], event["dur"]) for event in exits] == \
        [("exit cpuid", 1, 2.0, 0.5), ("exit io", 0, 5.0, 1.0)]
    assert exits[1]["args"] == {"reason": "io", "rip": "0xffffffff81000000", "detail": "0xcf8"}
    read = next(event for event in trace["traceEvents"] if event["name"] == "config-read")
    assert read["ph"] == "i" and read["ts"] == 5.5
    assert read["args"] == {"offset": "0x10", "value": "0xfeb00000", "sbdf": "0001:00:02.0", "size": 4}


def test_a_dump_among_other_lines(tmp_path):
    lines = dump(HEAD + RECORDS).splitlines(keepends=True)
    for at in range(len(lines), -1, -1):
        lines.insert(at, "[  12.3] guest: trace: dump 9\r\n\x1b[K(fairlead) tr\r\x1b[K")
    status, said, trace = convert(tmp_path, "".join(lines))
    assert (status, said) == (0, "")
    assert len([event for event in trace["traceEvents"] if event["ph"] in "Xi"]) == len(RECORDS)


def test_the_last_dump_or_the_nth(tmp_path):
    text = dump(HEAD + RECORDS) + dump(HEAD + RECORDS[:1], lost=7)
    status, said, trace = convert(tmp_path, text)
    assert status == 0 and "7 older records" in said
    assert len([event for event in trace["traceEvents"] if event["ph"] in "Xi"]) == 1
    _, _, trace = convert(tmp_path, text, "--nth", "1")
    assert len([event for event in trace["traceEvents"] if event["ph"] in "Xi"]) == 3
    for nth in ("0", "3", "-1"):
        status, said, _ = convert(tmp_path, text, "--nth", nth)
        assert status == 2 and "it has 2" in said


@pytest.mark.parametrize("text, why", [
    ("", "no `trace dump` in it"),
    ("fairlead: trace: 0 1 2 3 4 5 6\r\n", "no `trace dump` in it"),
    (dump(["dump 2 cycles/us 1000 cpus 1"]), "version 2"),
    (dump(["dump 1 cycles/us 0 cpus 1"]), "no such machine"),
    (dump(HEAD + RECORDS, checksum=1), "the checksum is 00000001"),
    (dump(HEAD + RECORDS, records=4), "4 records were sent, 3 are here"),
    (dump(HEAD + ["0 2 1 1 1 1 1"]), "unknown event or CPU"),
    (dump(HEAD + ["2 1 1 1 1 1 1"]), "unknown event or CPU"),
    (dump(HEAD + ["0 1 1 1 1 1"]), "not a line of a dump"),
    (dump(HEAD + ["0 1 1 1 1 1 1 1"]), "not a line of a dump"),
    (dump(HEAD + ["0 1 x 1 1 1 1"]), "not a line of a dump"),
    (dump(HEAD + RECORDS).replace("1388", "1389"), "the checksum is"),
    (dump(HEAD + RECORDS).replace("names exit 0 cpuid", "names exit 0 cpuix"), "the checksum is"),
    (dump(HEAD + RECORDS).replace("fairlead: trace: 0 21 157c 10 feb00000 10010 4\r\n", ""), "3 records were sent, 2 are here"),
    (b"\xff\x00\x80" * 1000, "no `trace dump` in it"),
], ids=["empty", "no-beginning", "version", "clock", "checksum", "too-few", "event", "cpu", "short-line", "long-line", "no-number",
        "record-changed", "names-changed", "record-lost", "binary"])
def test_damaged_dumps(tmp_path, text, why):
    status, said, trace = convert(tmp_path, text)
    assert status == 2 and trace is None
    assert why in said and said.count("\n") == 1


def test_a_dump_that_was_cut(tmp_path):
    text = dump(HEAD + RECORDS)
    whole = text.index("fairlead: trace: end")
    for length in range(text.index("\n") + 1, whole + 10):
        status, said, trace = convert(tmp_path, text[:length]) if length % 7 == 0 else (0, "warning: the dump has no end", None)
        assert status == 0 and "warning: the dump has no end" in said, text[:length]
        if trace:
            check_format(trace)
            there = [event for event in trace["traceEvents"] if event["ph"] in "Xi"]
            assert len(there) == sum(text[:length].count(f"trace: {record}\r") for record in RECORDS)


def test_help_and_no_such_file():
    done = subprocess.run([sys.executable, "-B", TOOL, "--help"], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert "--nth" in done.stdout and "-o" in done.stdout
    done = subprocess.run([sys.executable, "-B", TOOL, "/no/such/log"], stderr=subprocess.PIPE, text=True, timeout=60,
                          check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1


# --- the machine -----------------------------------------------------------------------------------------------------------


def exits_of(said):
    """reason -> number, of CPU 0, as `stats` shows them."""
    start = next(i for i, line in enumerate(said) if line.startswith("  exits on CPU 0:"))
    end = next(i for i, line in enumerate(said) if line.startswith("  events on CPU 0:"))
    found = dict(re.fullmatch(r"    (\S+) +(\d+)", line).groups() for line in said[start + 1:end])
    assert sum(map(int, found.values())) == int(said[start].split(": ")[1])
    return {reason: int(number) for reason, number in found.items()}


WRITES = 20


def events_of(said):
    start = next(i for i, line in enumerate(said) if line.startswith("  events on CPU 0:"))
    return {name: int(number) for name, number in
            (re.fullmatch(r"    (\S+) +(\d+)", line).groups() for line in said[start + 1:-1])}


def traced(guest, tmp_path, classes, command):
    """What the trace and the counters say of a command: the events of the JSON, and the lines of `stats`."""
    with guest.monitor() as monitor:
        assert monitor.command("trace clear") == ["done"]
        assert monitor.command("stats -r")[-1] == "done"
        assert monitor.command(f"trace on {classes}") == ["done"]
    guest.sh(command)
    with guest.monitor() as monitor:
        assert monitor.command("trace off") == ["done"]
        counted = monitor.command("stats")
        since = guest.mark()
        assert monitor.command("trace dump", DUMP_S)[-1] == "done"
    status, message, trace = convert(tmp_path, guest.transcript[since:])
    assert status == 0, message
    assert trace["otherData"]["lost records"] == 0
    check_format(trace)
    return trace["traceEvents"], counted


@pytest.mark.x86
def test_port_writes_are_counted_exactly(guest, tmp_path):
    """Each write of the address register CF8 by a program is one exit; the kernel's own come from other places."""
    command = f"for i in $(seq {WRITES}); do portio out 4 0xcf8 0x80000000 >/dev/null; done"
    events, counted = traced(guest, tmp_path, "exit", command)
    by_program = [event for event in events if event["name"] == "exit io" and event["ph"] == "X"
                  and event["args"]["detail"] == "0xcf8" and int(event["args"]["rip"], 16) < 1 << 47]
    assert len(by_program) == WRITES
    exits = exits_of(counted)
    assert exits["io"] >= WRITES
    # What was traced was counted; a little more was, between the two commands.
    for reason in ("io", "cpuid", "msr-read", "nested-fault"):
        number = len([event for event in events if event["name"] == f"exit {reason}" and event["ph"] == "X"])
        assert number <= exits.get(reason, 0), reason


def test_config_writes_are_counted_exactly(guest):
    """setpci writes once each time, and nobody else writes to configuration space meanwhile."""
    guest.sh("true")
    with guest.monitor() as monitor:
        assert monitor.command("stats -r")[-1] == "done"
        assert "config-write" not in events_of(monitor.command("stats"))
    guest.sh(f"for i in $(seq {WRITES}); do setpci -s {E1000E} 3c.b=0b; done")
    with guest.monitor() as monitor:
        assert events_of(monitor.command("stats -r"))["config-write"] == WRITES
        assert "config-write" not in events_of(monitor.command("stats"))


def test_a_config_read_on_the_timeline(guest, tmp_path):
    with guest.monitor() as monitor:
        assert monitor.command("trace clear") == ["done"]
        assert monitor.command("trace on exit,config") == ["done"]
    guest.sh(f"setpci -s {E1000E} 0.l")
    with guest.monitor() as monitor:
        assert monitor.command("trace off") == ["done"]
        state = monitor.command("trace")
        assert "on: nothing" in state[0] and not state[1].startswith("  CPU 0: 0 records")
        shown = monitor.command("trace show 5")
        assert len(shown) == 6 and all(line.startswith("  CPU 0 at ") for line in shown[:-1])
        since = guest.mark()
        said = monitor.command("trace dump", DUMP_S)
        assert said[-1] == "done"
    status, message, trace = convert(tmp_path, guest.transcript[since:])
    assert status == 0, message
    check_format(trace)
    events = trace["traceEvents"]
    reads = [event for event in events if event["name"] == "config-read" and event["args"]["sbdf"] == f"0000:{E1000E}"
             and event["args"]["offset"] == "0x0" and event["args"]["size"] == 4]
    assert any(event["args"]["value"] == "0x10d38086" for event in reads)
    exits = [event for event in events if event["ph"] == "X" and event["cat"] == "exit"]
    assert exits and all(event["dur"] > 0 for event in exits)
    # Each access is within the exit that it caused.
    for read in reads:
        assert any(event["ts"] <= read["ts"] <= event["ts"] + event["dur"] for event in exits), read
