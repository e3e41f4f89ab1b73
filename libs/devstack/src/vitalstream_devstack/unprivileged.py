"""PostgreSQL refuses to run as root; when we are root its processes run as another user."""

import ctypes
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Unprivileged:
    """The user that servers run as when we are root."""

    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """What subprocess needs to run a child as this user."""
        return {"preexec_fn": _become(self.uid, self.gid), "cwd": "/"}


def unprivileged_user() -> Unprivileged | None:
    """The user to run servers as, or None when we may run them ourselves."""
    if os.geteuid() != 0:
        return None
    # `nobody` is on every Linux and macOS: a demo creates no account on a person's machine.
    entry = pwd.getpwnam("nobody")
    return Unprivileged(entry.pw_uid, entry.pw_gid)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _become(uid: int, gid: int) -> Callable[[], None]:
    """A function for the child between fork and exec: change user, keep access to our folders.

    A repository under a closed home folder (/root) could not even be entered by another user. So
    the child keeps the one capability that opens files, instead of us opening the home folder to
    everybody. Where the kernel grants none of this the child goes on without it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    bit = 1 << _CAP_DAC_OVERRIDE
    wanted = (_CapabilitySet * 2)(_CapabilitySet(bit, bit, bit), _CapabilitySet(0, 0, 0))

    def run_in_child() -> None:
        linux = hasattr(libc, "prctl") and hasattr(libc, "capset")
        if linux:
            libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        if linux and libc.capset(ctypes.byref(header), wanted) == 0:
            libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)

    return run_in_child
