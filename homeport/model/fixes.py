"""Every command of Pulumi's that a refusal gives, made in one place: pasted into a shell in the checkout it works.

Plain `pulumi` is on PATH in `homeport shell` alone, so each goes through the project's own verb of that name. What only
the user knows stands in no command: without a value `pulumi config set` asks for it, or reads what is piped into it.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

PULUMI = "bin/homeport pulumi"
SETTINGS = "homeport:settings"
_UNNAMED = re.compile(rf"\b({PULUMI} config (?:set|rm|get))\b(?![^;\n]*--stack)")
"""A command that means whichever stack is selected; homeport selects none."""


def for_stack(text: str, stack: str) -> str:
    """A text whose commands name the stack that they are for."""
    return _UNNAMED.sub(rf"\1 --stack {stack}", text).replace("Pulumi.<stack>.yaml", f"Pulumi.{stack}.yaml")


def run(*commands: str, first: str = "") -> str:
    """A fix that is commands, after what a person has to know or do first; the commands are the rest of the line."""
    return f"{f'{first} ' if first else ''}Run: {'; '.join(commands)}"


def both(verb: str, stack: str, *arguments: str) -> str:
    """A verb's command in both forms in which it may have been called."""
    more = " ".join(arguments)
    quoted = f"ARGS={more}" if more and len(arguments) == 1 and " " not in more else f"ARGS='{more}'" if more else ""
    return (
        f"bin/homeport {verb} --stack {stack} {more}".rstrip()
        + f"  (or: make {verb} STACK={stack} {quoted}".rstrip()
        + ")"
    )


def shown(fix: str, indent: str) -> str:
    """A fix as a person reads it: what is pasted comes first, what has to be known or done stands below it."""
    first, _, commands = fix.rpartition("Run: ")
    return f"{commands}\n{indent}({first.strip()})" if first else commands


def put(path: str, value: Any, *, first: str = "") -> str:
    """The fix that sets a setting.

    Args:
        path: The whole path, as ``homeport:settings.access.emails[0]``.
        value: What it is to be; a text in angle brackets says what only the user knows, and the command asks for that.
        first: What a person has to know or do before.
    """
    if isinstance(value, str) and value.startswith("<"):
        return run(put_command(path), first=f"{f'{first} ' if first else ''}It asks for {_asked(value)}.")
    return run(put_command(path, value), first=first)


def _asked(value: str) -> str:
    """What stands in the angle brackets, where one pair holds all of it."""
    return value if "<" in value[1:] else value.strip("<>")


def put_command(path: str, value: Any = None) -> str:
    """The command that sets a setting; without a value it asks for one."""
    kind = ["--type", "float"] if isinstance(value, float) else []
    words = [] if value is None else [value if isinstance(value, str) else json.dumps(value)]
    return _pulumi("set", "--path", *kind, path, *words)


def of_service(name: str, setting: str) -> str:
    """The path of a service's setting; a name with a dot in it is one part of the path all the same."""
    return f"{SETTINGS}.services{f'[{json.dumps(name)}]' if '.' in name else f'.{name}'}.{setting}"


def drop(path: str, *, first: str = "") -> str:
    """The fix that takes a setting, or a whole key, out."""
    return run(drop_command(path), first=first)


def drop_command(path: str) -> str:
    """The command that takes a setting, or a whole key, out."""
    return _pulumi("rm", *(["--path"] if path.startswith(SETTINGS) else []), path)


def keep(name: str, source: str = "") -> str:
    """The command that stores a secret; without a source, as a shell reads it, it asks for the value unseen."""
    return f"{_pulumi('set', '--secret', f'homeport:{name}')} {source}".rstrip()


def _pulumi(*words: str) -> str:
    return f"{PULUMI} config {shlex.join(words)}"
