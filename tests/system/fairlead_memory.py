# SPDX-License-Identifier: BSD-2-Clause
"""Fairlead's own memory, looked at from outside, before and after an attack on it.

Counters, stacks and log buffers in it change all the time. So two things are asked: the pattern that the attack writes is
nowhere in it, and the image's code and constants are the same bit by bit.
"""
import re

IMAGE = re.compile(r"^memory: image at 0x[0-9a-f]+, text 0x([0-9a-f]+) - 0x([0-9a-f]+), "
                   r"rodata 0x([0-9a-f]+) - 0x([0-9a-f]+)")
SMALLEST = 4096     # bytes of code or constants: less is no image


def snapshot(guest, ranges):
    """{start: bytes} of each range."""
    return {r.start: guest.qmp.memory(r.start, r.end - r.start) for r in ranges}


def fixed_parts(guest):
    """[(start, end)] of code and constants, from the line that Fairlead prints at start (of the last boot)."""
    found = [match for match in map(IMAGE.match, guest.fairlead_lines()) if match]
    assert found, "Fairlead has not said where its image is"
    numbers = [int(text, 16) for text in found[-1].groups()]
    parts = [(start, last + 1) for start, last in zip(numbers[::2], numbers[1::2])]
    ours = guest.memory_map("Fairlead")
    for start, end in parts:
        assert end - start >= SMALLEST
        assert any(r.start <= start and end <= r.end for r in ours), "the image is not in Fairlead's memory"
    return parts


def code_and_constants(guest):
    """Their bytes."""
    return [guest.qmp.memory(start, end - start) for start, end in fixed_parts(guest)]


def assert_absent(pattern, memory):
    """The attack's bytes are nowhere in a snapshot."""
    for start, data in memory.items():
        offset = data.find(pattern)
        assert offset < 0, f"the attack's bytes stand at {start + offset:#x}, in Fairlead's memory"
