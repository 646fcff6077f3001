#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""How often the guest exits, and why: `make bench`. tests/bench/exits.py [--arch ARCH] [--efi FILE] [--json FILE]

Exits are counts, not times: the machine's speed does not matter, except where the unit is a second. Each figure is the difference
of two runs of the same command, a long one and a short one, so that what the command line, the shell and the console
cost is not in it. Fairlead counts, on all CPUs, and the monitor's `stats` says.

The build is like one in what it asks of the kernel: four jobs at a time, each a handful of processes that read and write files and
pipes, and compute. (There is no compiler in the guest.)
"""
import argparse
import http.server
import json
import os
import sys
import threading
from collections import Counter

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))

# pylint: disable=wrong-import-position
import machine                                                      # noqa: E402
from arch import BOTH                                               # noqa: E402
from counters import counts_of                                      # noqa: E402
from conftest import VIRTIO_NET                                     # noqa: E402
from test_guest import interface_of, with_address                   # noqa: E402
from test_interrupts import virtio_of                               # noqa: E402

MEGABYTE = 1000 * 1000
LIMIT_S = 300
DISK_BYTES = 8 * 1024 * 1024
RUNS = 3    # the middle one counts
CPUS = 4    # of the second machine


def devices(disk):
    return ["--netdev", "user,id=n0", "--device", "e1000e,netdev=n0,addr=2,romfile=",
            "--netdev", "user,id=n1,net=10.0.3.0/24",
            "--device", "virtio-net-pci,netdev=n1,addr=3,disable-legacy=on,iommu_platform=on,romfile=",
            "--drive", f"file={disk},if=none,id=d0,format=raw,snapshot=on",
            "--device", "nvme,drive=d0,serial=fairlead,addr=4"]


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /N gives N megabytes."""

    def do_GET(self):   # pylint: disable=invalid-name
        size = int(self.path[1:]) * MEGABYTE
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(bytes(size))

    def log_message(self, format, *args):   # pylint: disable=redefined-builtin
        pass


def exits_of(guest, command):
    """{reason: count} while the command runs."""
    counts_of(guest, restart=True)
    guest.sh(command, LIMIT_S)
    return counts_of(guest).all_exits


def measure(guest, command, long, short, unit):
    """{reason: exits per `unit` of the command's argument}: `command` has a place {} for it."""
    runs = []
    for _ in range(RUNS):
        more, less = exits_of(guest, command.format(f"{long:5d}")), exits_of(guest, command.format(f"{short:5d}"))
        runs.append({reason: (more[reason] - less[reason]) * unit / (long - short) for reason in set(more) | set(less)})
    middle = sorted(runs, key=lambda run: sum(run.values()))[RUNS // 2]
    return {reason: round(value, 2) for reason, value in sorted(middle.items()) if value}


# A job: two pipelines, a file that is written and read, a few processes for each.
JOB = ("dd if=/bin/busybox bs=32k count=1 skip=$(($0%16)) of=/tmp/o$0 2>/dev/null; gzip -c /tmp/o$0 | sha256sum; "
       "strings /tmp/o$0 | sort | uniq | grep -c a; rm /tmp/o$0")
BUILD = f"seq {{}} | xargs -P4 -n1 sh -c '{JOB}' >/dev/null"


def figures_of_cpus():
    """Those that depend on the number of CPUs."""
    return [("a second, idle", "sleep {}", 11, 1, 1),
            ("100 jobs of a build, 4 at a time", BUILD, 110, 10, 100)]


def figures(guest, port):
    """(what is measured, command, long, short, unit)"""
    with_address(guest, "e1000e")
    with_address(guest, "virtio_net")
    e1000e, virtio = interface_of(guest, "e1000e"), virtio_of(guest, VIRTIO_NET) + "-"
    download = "wget -q -O /dev/null http://{}:" + str(port) + "/$(({{}}))"
    return figures_of_cpus() + [
            ("1000 packets received, e1000e", f"irqload ping {{}} {e1000e} 10.0.2.2", 11000, 1000, 1000),
            ("1000 packets received, virtio-net", f"irqload ping {{}} {virtio} 10.0.3.2", 11000, 1000, 1000),
            ("1 MB downloaded, e1000e", download.format("10.0.2.2"), 51, 1, 1),
            ("1 MB downloaded, virtio-net", download.format("10.0.3.2"), 51, 1, 1),
            ("1000 reads of 4 KiB, NVMe", "irqload disk {} nvme0q /dev/nvme0n1", 11000, 1000, 1000)]


def take_figures(guest, wanted):
    """Measures and prints them; {what: figure}."""
    results = {}
    for what, command, long, short, unit in wanted:
        by_reason = measure(guest, command, long, short, unit)
        total = round(sum(by_reason.values()), 2)
        results[what] = {"command": command, "sizes": [long, short], "exits": total, "by reason": by_reason}
        reasons = ", ".join(f"{reason} {value:g}" for reason, value in by_reason.items())
        print(f"{what:36} {total:8.2f}  {reasons or '-'}", flush=True)
    return results


def one_cpu(arch, efi, disk, port):
    with machine.Machine("bench", *devices(disk), arch=arch, efi=efi) as guest:
        guest.wait_for_shell()
        return take_figures(guest, figures(guest, port))


def several_cpus(arch, efi, disk, cpus):
    with machine.Machine(f"bench-{cpus}", "--smp", str(cpus), *devices(disk), arch=arch, efi=efi) as guest:
        guest.wait_for_shell()
        online = guest.sh("nproc").output.strip()
        assert online == str(cpus), f"{online} CPUs are online, not {cpus}"
        return take_figures(guest, figures_of_cpus())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=list(BOTH), default="x86")
    parser.add_argument("--efi", help="default build/ARCH/fairlead.efi")
    parser.add_argument("--cpus", type=int, choices=[1, CPUS], help="only the machine with so many CPUs (default: both)")
    parser.add_argument("--json", help="write the figures there")
    options = parser.parse_args()
    arch = BOTH[options.arch]
    efi = os.path.abspath(options.efi or arch.efi)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    disk = os.path.join(ROOT, "build", "bench", "disk.img")
    os.makedirs(os.path.dirname(disk), exist_ok=True)
    with open(disk, "wb") as file:
        file.truncate(DISK_BYTES)

    results = {}
    for cpus in (1, CPUS):
        if options.cpus in (None, cpus):
            print(f"{f'exits per ({cpus} CPUs)' if cpus > 1 else 'exits per (1 CPU)':36} {'in all':>8}  by reason", flush=True)
            results[f"{cpus} CPUs" if cpus > 1 else "1 CPU"] = \
                several_cpus(arch, efi, disk, cpus) if cpus > 1 else one_cpu(arch, efi, disk, server.server_address[1])
    server.shutdown()
    if options.json:
        with open(options.json, "w", encoding="ascii") as file:
            json.dump(results, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
