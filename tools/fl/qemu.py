# SPDX-License-Identifier: BSD-2-Clause
"""What every machine needs of QEMU and the host."""
import fcntl
import os

KVM_GET_API_VERSION = 0xAE00


def comma(path):
    """QEMU's option parser takes a comma as two."""
    return str(path).replace(",", ",,")


def kvm_usable():
    """Can this user open /dev/kvm, and may a guest there use SVM itself?"""
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if fcntl.ioctl(kvm, KVM_GET_API_VERSION) != 12:
            return False
        with open("/sys/module/kvm_amd/parameters/nested", encoding="ascii") as nested:
            return nested.read().strip() in ("1", "Y")
    except OSError:
        return False
    finally:
        os.close(kvm)
