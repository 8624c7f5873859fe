"""What a fix line does when it is pasted: its commands, as a shell reads them, and the settings after them."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

PULUMI = ["bin/homeport", "pulumi", "config"]


def pasted(fix: str) -> str:
    """The part of a fix that is pasted into a shell, as a refusal shows it or before; nothing for an edit by hand."""
    text = fix.strip().removeprefix("fix: ")
    return text if text.startswith("bin/homeport ") else text.partition("Run: ")[2]


def commands(fix: str) -> list[list[str]]:
    """The commands of a fix as a shell hands them on; none where it is an edit by hand."""
    words = shlex.split(pasted(fix))
    found: list[list[str]] = [[]]
    for word in words:
        found[-1].append(word.removesuffix(";"))
        if word.endswith(";"):
            found.append([])
    return [command for command in found if command]


def applied(settings: dict[str, Any], fix: str) -> dict[str, Any] | None:
    """The settings after a fix; None where a person has to fill something in."""
    settings = json.loads(json.dumps(settings))
    for command in commands(fix):
        assert PULUMI == command[:3], f"works in any shell: {command}"
        verb, *words = (word for word in command[3:] if word not in {"--path", "--type", "float"})
        if not words[0].startswith("homeport:settings."):
            return None
        where = words[0].removeprefix("homeport:settings.")
        *parents, last = [int(part) if part.isdigit() else part for part in re.findall(r"[A-Za-z0-9_-]+", where)]
        spot: Any = settings
        for part in parents:
            spot = spot[part] if isinstance(spot, list) else spot.setdefault(part, {})
        if verb == "rm":
            spot.pop(last)
        elif len(words) == 1:
            return None
        else:
            if isinstance(spot, list):
                spot += [None] * (last + 1 - len(spot))
            spot[last] = int(words[1]) if words[1].isdigit() else {"true": True, "false": False}.get(words[1], words[1])
    return settings
