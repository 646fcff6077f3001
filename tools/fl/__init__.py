# SPDX-License-Identifier: BSD-2-Clause
"""The parts of tools/run-qemu: configuration file, machine, and the running of it."""


class UsageError(Exception):
    """A wrong option or a missing file: one line for the user, exit status 2."""
