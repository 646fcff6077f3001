# SPDX-License-Identifier: BSD-2-Clause
"""The SplitMix64 sequence of tests/guest/guest.h: what edudma writes, and seeded contents of disks and downloads."""
import struct

MASK = (1 << 64) - 1
PAGE = 4096


def splitmix64(seed, words):
    """Bytes of the first `words` numbers of the sequence, little-endian."""
    state, out = seed & MASK, []
    for _ in range(words):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        out.append(z ^ (z >> 31))
    return struct.pack(f"<{words}Q", *out)


def edu_page(seed):
    """The page that `edudma -s SEED` moves."""
    return splitmix64(seed, PAGE // 8)
