"""The filter as the kernel reads it, for both machines; what it does on this one is in `cases/limits`."""

from __future__ import annotations

import errno
import struct
import subprocess
import sys

import executor_filter
import pytest
from executor_limits import Limits, run

ALLOW, KILL, REFUSED, NOT_THERE = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
MACHINES = {
    "x86_64": {
        "known_as": 0xC000003E,
        "read": 0,
        "openat": 257,
        "unlinkat": 263,
        "clone": 56,
        "socket": 41,
        "execve": 59,
    },
    "aarch64": {
        "known_as": 0xC00000B7,
        "read": 63,
        "openat": 56,
        "unlinkat": 35,
        "clone": 220,
        "socket": 198,
        "execve": 221,
    },
}
READ, WRITE, CREATE = 0o2000000, 0o1, 0o100


def verdict(program, known_as, number, *arguments):
    """What the kernel's interpreter makes of a call."""
    data = struct.pack("=IIQ6Q", number, known_as, 0, *arguments, *[0] * (6 - len(arguments)))
    steps, at, word = [*struct.iter_unpack("=HBBI", program)], 0, 0
    while True:
        code, if_so, if_not, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            (word,) = struct.unpack_from("=I", data, value)
        else:
            at += if_so if {0x15: word == value, 0x25: word > value, 0x45: word & value}[code] else if_not


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_each_machines_own_numbers_are_refused_and_no_others(machine):
    program, numbers = executor_filter._program(machine), MACHINES[machine]

    def ask(name, *arguments, known_as=numbers["known_as"]):
        return verdict(program, known_as, numbers.get(name, name), *arguments)

    assert {ALLOW} == {ask("read"), ask("execve"), ask("openat", 0, 0, READ), ask("clone", 17)}, "what Python needs"
    assert {REFUSED} == {ask("openat", 0, 0, flag | READ) for flag in (WRITE, WRITE << 1, CREATE, 0o1000)}
    assert {REFUSED} == {ask("unlinkat"), ask("socket"), ask("clone", 0x10000000 | 17)}
    assert {NOT_THERE} == {ask(435), ask(451), ask(1 << 20), ask(0x40000000 + 1)}, "what is newer, or of another ABI"
    assert KILL == ask("read", known_as=0x40000003), "numbers of another machine mean something else"


def test_on_a_machine_that_the_filter_does_not_know_nothing_runs(monkeypatch):
    monkeypatch.setattr(executor_filter, "_MACHINES", {})
    with pytest.raises(subprocess.SubprocessError):
        run([sys.executable, "-c", "print('ran')"], b"", Limits())
