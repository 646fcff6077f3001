# SPDX-License-Identifier: BSD-2-Clause
"""What Fairlead has counted, CPU by CPU: the lines of the monitor's `stats`."""
import re
from collections import Counter

HEADING = re.compile(r"  (exits|events) on (?:CPU (\d+)|all CPUs):(?: (\d+))?")
COUNT = re.compile(r"    (\S+) +(\d+)")


def total(by_cpu):
    """{name: number}, the CPUs' together."""
    sum_of_all = Counter()
    for counts in by_cpu.values():
        sum_of_all.update(counts)
    return sum_of_all


class Counts:
    """exits, events: {CPU: {name: number}}."""

    def __init__(self):
        self.exits, self.events = {}, {}

    @property
    def all_exits(self):
        """{reason: number}, of all CPUs together."""
        return total(self.exits)

    @property
    def all_events(self):
        return total(self.events)


def parse(said):
    """The Counts that the lines of `stats` say. What they say of all CPUs has to be the sum."""
    counts, current, headings = Counts(), None, {}
    for line in said:
        heading, count = HEADING.fullmatch(line), COUNT.fullmatch(line)
        if heading:
            cpu = int(heading.group(2)) if heading.group(2) else None
            current = getattr(counts, heading.group(1)).setdefault(cpu, Counter())
            if heading.group(3):
                headings[cpu] = int(heading.group(3))
        elif count and current is not None:
            current[count.group(1)] = int(count.group(2))
    assert headings, "\n".join(said)
    for cpu, number in headings.items():
        assert sum(counts.exits[cpu].values()) == number, (cpu, said)
    for by_cpu in (counts.exits, counts.events):
        of_all = by_cpu.pop(None, None)
        assert of_all is None or of_all == total(by_cpu), said
    return counts


def counts_of(guest, restart=False):
    """As of now; `restart`: they begin at 0 anew."""
    with guest.monitor() as monitor:
        said = monitor.command("stats -r" if restart else "stats")
    assert said[-1] == "done", said
    return parse(said)
