# SPDX-License-Identifier: BSD-2-Clause
"""The fairlead.conf that goes into the boot image."""
from . import UsageError

HEADER = """\
# fairlead.conf, made by tools/run-qemu. Paths are on this volume. What is left out has its default:
#   memory=all  iommu=required  loglevel=info  console=auto
"""


def guest_cmdline(default, extra):
    """The guest's kernel command line: the machine's default and what --append adds."""
    return " ".join([default] + extra)


def default_text(cmdline):
    lines = ["kernel=\\fairlead\\vmlinuz", "initrd=\\fairlead\\initrd.gz", f"cmdline={cmdline}"]
    return HEADER + "\n".join(lines) + "\n"


def _key(line):
    """The key of a `key=value` line; None for a comment, a device line or anything else."""
    text = line.strip()
    if not text or text.startswith("#") or text.split(None, 1)[0] == "device" or "=" not in text:
        return None
    return text.split("=", 1)[0].strip()


def apply_settings(text, settings):
    """Each setting replaces the lines of the same key in place, or is added at the end. Device lines add up."""
    lines = text.splitlines()
    for setting in settings:
        if "\n" in setting:
            raise UsageError("--set takes one line")
        key = _key(setting)
        if key is None and not setting.strip().startswith("device"):
            raise UsageError(f"--set {setting!r}: neither key=value nor a device line")
        old = [i for i, line in enumerate(lines) if key is not None and _key(line) == key]
        if old:
            lines[old[0]] = setting
            for i in reversed(old[1:]):
                del lines[i]
        else:
            lines.append(setting)
    return "\n".join(lines) + "\n"


def build(conf_file, settings, cmdline):
    """Returns the bytes of fairlead.conf. A file given by the user is taken as it is, byte for byte, unless --set
    asks for a change."""
    if conf_file is None:
        return apply_settings(default_text(cmdline), settings).encode()
    with open(conf_file, "rb") as file:
        data = file.read()
    if not settings:
        return data
    return apply_settings(data.decode("utf-8", "surrogateescape"), settings).encode("utf-8", "surrogateescape")
