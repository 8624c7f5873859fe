"""How the host is: disk, memory, load, uptime."""

from __future__ import annotations

import os
from pathlib import Path


def info(proc: Path = Path("/proc"), disk: str = "/") -> dict[str, object]:
    """The figures; sizes in bytes, uptime in seconds."""
    volume = os.statvfs(disk)
    memory = _memory(proc / "meminfo")
    return {
        "disk": {
            "total": volume.f_frsize * volume.f_blocks,
            "free": volume.f_frsize * volume.f_bavail,
        },
        "memory": {
            "total": memory["MemTotal"],
            "available": memory.get("MemAvailable", memory["MemFree"]),
            "swap_total": memory.get("SwapTotal", 0),
            "swap_free": memory.get("SwapFree", 0),
        },
        "load": [float(word) for word in (proc / "loadavg").read_text(encoding="ascii").split()[:3]],
        "cpus": os.cpu_count() or 1,
        "uptime_s": int(float((proc / "uptime").read_text(encoding="ascii").split()[0])),
    }


def _memory(path: Path) -> dict[str, int]:
    rows = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) > 1}
