# SPDX-License-Identifier: BSD-2-Clause
"""Fairlead's own time: whatever the guest does, timers and deferred work run within 10 ms of the guest's time.

debug=timer sets a timer of 5 ms again and again and prints a line for each second. QEMU's deterministic mode counts
instructions as time, so the host's load cannot make anything late.
"""
import pytest

from machine import Machine

LINE = r"fairlead: timer: (\d+) expiries, latest (\d+) us late"
LATEST_US = 10000
PERIOD_US = 5000
LINES = 3
LIMIT_S = 400
LAST_WORDS = "kexec_core: Starting new kernel"


def check_lines(guest, count):
    """The next lines: timers expire, hundreds a second, and none is late."""
    for _ in range(count):
        expiries, latest = (int(n) for n in guest.expect(LINE, LIMIT_S).groups())
        assert latest <= LATEST_US
        assert expiries >= 1000000 // (PERIOD_US + LATEST_US)


@pytest.mark.full     # more than a minute each; the list, the HPET and what kicks for it are the host's tests
def test_work_runs_while_the_guest_is_halted_and_while_it_spins(keeper, arch):
    """Both with interrupts off, one after the other, in a guest that has left Linux."""
    keeper.stop()
    # No shell: Fairlead's lines may come in the middle of a prompt.
    run = "dmesg -n 7; sleep 2; grep NMI: /proc/interrupts || echo NMI: 0 ; spin hlt"
    with Machine("timer-spin", "--icount", "--no-devices", "--set", "debug=timer",
                 "--append", f'fl.run="{run}" fl.net=0 quiet', arch=arch) as guest:
        guest.expect("FAIRLEAD-GUEST-READY", LIMIT_S)
        check_lines(guest, 2)
        nmis = guest.expect(r"NMI:\s+(\d+) ", LIMIT_S).group(1)
        assert nmis == "0", "one of Fairlead's NMIs reached the guest"
        guest.expect(LAST_WORDS, LIMIT_S)
        guest.expect(LINE, LIMIT_S)     # of the second in which Linux ended
        check_lines(guest, LINES)       # halted: a thousand wake-ups are five seconds
        guest.expect("@", LIMIT_S)
        guest.expect(LINE, LIMIT_S)     # of the second in which it began to spin
        check_lines(guest, LINES)
        # An NMI would have found no handler there, and the machine would have started again.
        assert sum("starting the guest" in line for line in guest.fairlead_lines()) == 1
