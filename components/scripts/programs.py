"""Runs on a host, as root: how its programs are. It reads one JSON document and prints one; Python's own library alone.

Reads: a list of ``name``, ``units``, ``health`` and ``works`` of each (homeport/model/host_program.py).
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

_ASKED = ("Id", "LoadState", "ActiveState", "Result", "Unit", "ActiveEnterTimestamp", "StateChangeTimestamp")
_SECONDS = 5
_BYTES = 1 << 20


def _shown(*units: str) -> dict[str, dict[str, str]]:
    """What systemd says of units, by name."""
    if not units:
        return {}
    argv = ["systemctl", "show", "--timestamp=unix", *(f"--property={key}" for key in _ASKED), "--", *units]
    said = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_SECONDS * 4).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in said.split("\n\n")]
    return {block.get("Id", ""): block for block in blocks}


def _unit(name: str, shown: dict[str, dict[str, str]]) -> dict[str, Any]:
    timed = shown.get(name, {}).get("Unit", "") if name.endswith(".timer") else ""
    row = shown.get(name, {})
    active = row.get("ActiveState", "")
    since = row.get("ActiveEnterTimestamp" if active == "active" else "StateChangeTimestamp", "")
    last = _shown(timed).get(timed, {}) if timed else {}
    return {
        "unit": name,
        "state": "gone" if row.get("LoadState") == "not-found" else active,
        "since": int(since[1:]) if since[1:].isdigit() else None,
        # Of what a timer starts: that one failed, while the timer goes on.
        "failed": last.get("Result", "") if last.get("ActiveState") == "failed" else "",
        "starts": timed,
    }


def _health(url: str) -> dict[str, str]:
    """What a program's health address answers: why it is not well, and its version where it says one."""
    if not url:
        return {"wrong": "", "version": ""}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            said = answer.read(_BYTES)
    except urllib.error.HTTPError as error:
        return {"wrong": f"{url} answers {error.code}", "version": ""}
    except OSError as error:
        return {"wrong": f"{url} does not answer ({getattr(error, 'reason', error)})", "version": ""}
    try:
        version = json.loads(said)["version"]
    except (ValueError, KeyError, TypeError):
        version = ""
    return {"wrong": "", "version": str(version)}


def _works(folder: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in sorted(pathlib.Path(folder).glob("*.json")) if folder else ():
        try:
            row = json.loads(path.read_bytes()[:_BYTES])
            rows.append({"work": path.stem, **{key: row.get(key) for key in ("status", "finished", "last_good")}})
        except (OSError, ValueError, AttributeError):
            rows.append({"work": path.stem, "status": "unreadable", "finished": None, "last_good": None})
    return rows


def main() -> None:
    """Asks, and prints."""
    programs = json.load(sys.stdin)
    shown = _shown(*(unit for program in programs for unit in program["units"]))
    rows = [
        {
            "name": program["name"],
            "units": [_unit(unit, shown) for unit in program["units"]],
            **_health(program["health"]),
            "works": _works(program["works"]),
        }
        for program in programs
    ]
    print(json.dumps({"now": int(time.time()), "programs": rows}))


if __name__ == "__main__":
    main()
