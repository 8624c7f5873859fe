"""Runs inside a container: every attempt from standard input in a process of its own, one JSON object of verdicts out.

``succeeded``, ``blocked`` (an OSError, or its own condition did not hold), or ``broken: ...`` when the attempt itself
is wrong, so that a misspelt attempt is never counted as one that was fended off.
"""

import json
import subprocess
import sys

PREFACE = """
import ctypes, errno, fcntl, os, re, socket, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {"x86_64": dict(clone=56, bpf=321, add_key=248, keyctl=250, perf_event_open=298, kexec_load=246,
    init_module=175, finit_module=313, delete_module=176, reboot=169, swapon=167, settimeofday=164, sethostname=170,
    acct=163, quotactl=179,
    open_by_handle_at=304, fsopen=430, move_mount=429, nfsservctl=180, lookup_dcookie=212, mbind=237, personality=135,
    pivot_root=155, ptrace=101, io_uring_setup=425, userfaultfd=323, process_vm_readv=310, socket=41, memfd_create=319)}
def checked(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def system(name, *args):
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return checked(libc.syscall(ctypes.c_long(NUMBERS[os.uname().machine][name]), *wide))
def call(name, *args):
    return system(name, *args) if name == "pivot_root" else checked(getattr(libc, name)(*args))
def denied(name, *args):
    # Only a refusal counts: EFAULT or EINVAL would mean that the kernel already looked at the arguments.
    try:
        system(name, *args)
    except OSError as error:
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EACCES):
            raise
"""
MAIN = """
try:
    exec(compile(sys.stdin.read(), "attempt", "exec"))
except (OSError, AssertionError, subprocess.SubprocessError) as error:
    print(repr(error)[:120])
    sys.exit(42)
"""


def verdict(attempt):
    try:
        done = subprocess.run(
            [sys.executable, "-c", PREFACE + MAIN],
            input=attempt,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "broken: no end"
    if done.returncode == 0:
        return "succeeded"
    return f"blocked: {done.stdout.strip()}" if done.returncode == 42 else f"broken: {done.stderr[-300:]}"


if __name__ == "__main__":
    print(json.dumps({name: verdict(attempt) for name, attempt in json.load(sys.stdin).items()}))
