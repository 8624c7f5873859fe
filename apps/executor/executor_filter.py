"""The system calls that a task's process is refused, whatever its code does: it leaves nothing and reaches nobody.

It makes, changes and removes no file, shares no memory, semaphore, queue or key, has no socket, looks into no other
process, and goes no newer way into the kernel. The container's own filter cannot say so: the worker beside the task
writes results. A process is held to its filter for good, and so is whatever it becomes
(Documentation/userspace-api/seccomp_filter.rst of the kernel).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_MACHINES = {"x86_64": (1, 0xC000003E), "aarch64": (2, 0xC00000B7)}
"""Where a machine's numbers stand below, and what the kernel calls it (linux/audit.h)."""
_REFUSED = {
    "files": """
        creat 85 - mkdir 83 - mkdirat 258 34 mknod 133 - mknodat 259 33 link 86 - linkat 265 37 symlink 88 -
        symlinkat 266 36 rename 82 - renameat 264 38 renameat2 316 276 unlink 87 - unlinkat 263 35 rmdir 84 -
        truncate 76 45 chmod 90 - fchmod 91 52 fchmodat 268 53 chown 92 - fchown 93 55 lchown 94 - fchownat 260 54
        utime 132 - utimes 235 - futimesat 261 - utimensat 280 88 setxattr 188 5 lsetxattr 189 6 fsetxattr 190 7
        removexattr 197 14 lremovexattr 198 15 fremovexattr 199 16 openat2 437 437 open_by_handle_at 304 265
    """,
    "what is shared": """
        shmget 29 194 shmat 30 196 shmctl 31 195 semget 64 190 semop 65 193 semctl 66 191 semtimedop 220 192
        msgget 68 186 msgsnd 69 189 msgrcv 70 188 msgctl 71 187 mq_open 240 180 mq_unlink 241 181
        add_key 248 217 request_key 249 218 keyctl 250 219
    """,
    "others": """
        socket 41 198 socketpair 53 199 ptrace 101 117 process_vm_readv 310 270 process_vm_writev 311 271
        kcmp 312 272 pidfd_open 434 434 pidfd_getfd 438 438
    """,
    "the kernel": """
        unshare 272 97 setns 308 268 mount 165 40 umount2 166 39 pivot_root 155 41 chroot 161 51 open_tree 428 428
        move_mount 429 429 fsopen 430 430 personality 135 92 bpf 321 280 perf_event_open 298 241 userfaultfd 323 282
        io_uring_setup 425 425 kexec_load 246 104 kexec_file_load 320 294 init_module 175 105 finit_module 313 273
        delete_module 176 106
    """,
}
"""Calls, each with its number on x86_64 and on aarch64 (syscall_64.tbl and asm-generic/unistd.h of the kernel)."""
_NEWEST = 450
"""The last number that was looked at for this list: on both machines what is newer is not there."""
_NOT_THERE = "clone3 435 435"
"""Its flags can't be looked at; the C library takes ``clone`` instead."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NAMESPACES = 0x7E020000
"""All of clone(2)'s CLONE_NEW…"""
_BY_BITS = (("open 2 -", 1, _WRITES), ("openat 257 56", 2, _WRITES), ("clone 56 220", 0, _NAMESPACES))
"""A call, which argument is looked at, and the bits of it that are refused."""

# The kernel's own language for filters (linux/bpf_common.h, linux/seccomp.h): load a word, compare, answer.
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _ANSWER = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_KILL, _ALLOW, _FAIL = 0x80000000, 0x7FFF0000, 0x00050000
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]


def hold() -> None:
    """Refuse these calls to this process and to whatever it becomes.

    Raises:
        OSError: the kernel has no such filters, or the machine is none whose numbers are known here.
    """
    program = _program(os.uname().machine)
    code = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HP", len(program) // 8, ctypes.addressof(code))
    for option, first, second in ((_SET_NO_NEW_PRIVS, 1, None), (_SET_SECCOMP, _MODE_FILTER, described)):
        if _LIBC.prctl(option, first, second, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _program(machine: str) -> bytes:
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no filter is known for {machine}")
    place, known_as = _MACHINES[machine]
    # Each step: what it does, how many steps to skip if it holds and if not, and its value.
    steps = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, known_as),
        (_ANSWER, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_GREATER, 0, 1, _NEWEST),
        (_ANSWER, 0, 0, _FAIL | errno.ENOSYS),
    ]
    answers = [(text, errno.EPERM) for text in _REFUSED.values()] + [(_NOT_THERE, errno.ENOSYS)]
    for text, error in answers:
        for number in _numbers(text, place):
            steps += [(_EQUAL, 0, 1, number), (_ANSWER, 0, 0, _FAIL | error)]
    for text, argument, bits in _BY_BITS:
        for number in _numbers(text, place):
            steps += [
                (_EQUAL, 0, 4, number),
                (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument),
                (_ANY_BIT, 0, 1, bits),
                (_ANSWER, 0, 0, _FAIL | errno.EPERM),
                (_ANSWER, 0, 0, _ALLOW),
            ]
    steps.append((_ANSWER, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _numbers(text: str, place: int) -> list[int]:
    return [int(word) for word in text.split()[place::3] if word != "-"]
