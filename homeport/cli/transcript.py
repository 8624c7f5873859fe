"""What a person sees in the first minutes of production, taken down from a rehearsal: docs/first-ten-minutes.md."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from homeport.cli.output import write
from homeport.cli.phases import duration, say
from homeport.cli.places import ROOT, cache, from_here
from homeport.model import template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.cli.pulumi_cli import PulumiCli

COMMANDS = (
    (("preflight",), "Before anything is made: what the tokens may do, which names are there already, the price."),
    (("up", "--yes"), "At a terminal it shows the preview and asks; here it was told to go on."),
    (("status",), "Any time later: is it well."),
    (("open",), "The addresses."),
    (("credentials",), "Who asks there, in which order, for which user, and the name of the secret."),
    (("wireguard",), "Who is in the VPN; with a name it shows that device's file and a QR code."),
)
"""What is typed, in order, and what it is for."""
_MOST, _FIRST, _LAST = 110, 60, 40
"""Lines of one command: the most that are shown whole, else those of its beginning and of its end."""
_HEAD = """# The first ten minutes of prod

Taken from a rehearsal by `homeport rehearse --transcript docs/first-ten-minutes.md`, not written by hand: preset
{preset} on emulated clouds, with a real hardened host. On real clouds the server takes longer to boot, images are
pulled, and names take minutes to be known. The stack is called prod here; what comes before these commands is in
[the first day](first-day.md).
"""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def take(pulumi: PulumiCli, preset: str, to: str) -> int:
    """Types the commands in the rehearsal's copy of the checkout and writes the page; 1 when one of them failed."""
    parts, failed = [_HEAD.format(preset=preset)], False
    for words, purpose in COMMANDS:
        argv = ["sh", str(pulumi.root / "bin" / "homeport"), *words, "--stack", pulumi.stack.name]
        began = time.monotonic()
        done = subprocess.run(
            argv,
            cwd=pulumi.root,
            env=dict(pulumi.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        took = duration(time.monotonic() - began)
        failed = failed or done.returncode != 0
        say(f"    homeport {' '.join(words)}: code {done.returncode}, {took}")
        shown = "\n".join(_shortened(_neutral(done.stdout, pulumi).rstrip().splitlines()))
        ended = f", code {done.returncode}" if done.returncode else ""
        parts.append(
            f"## `homeport {words[0]}`\n\n{purpose} It took {took}{ended}.\n\n"
            f"```console\n$ homeport {' '.join(words)} --stack prod\n{shown}\n```\n"
        )
    write(Path(from_here(to)), "\n".join(parts), "--transcript")
    return 1 if failed else 0


def _neutral(text: str, pulumi: PulumiCli) -> str:
    """Without this machine's folders, the rehearsal's name, and any secret."""
    text = _ESCAPES.sub("", text)
    for folder, name in (
        (str(pulumi.root), "~/homeport"),
        (str(ROOT), "~/homeport"),
        (str(cache()), "~/.cache/homeport"),
        (str(Path.home()), "~"),
        (pulumi.stack.name, "prod"),
    ):
        text = text.replace(folder, name)
    outputs = pulumi.outputs(secrets=True)
    secrets = [str(value) for value in (outputs.get("credentials") or {}).values()]
    # As connections hold them (model/template.py); the rest of a connection is an address, which is none.
    secrets += [template.URL(value) for value in secrets]
    for value in sorted(secrets, key=len, reverse=True):
        text = text.replace(value, "[secret]") if value else text
    return text


def _shortened(lines: list[str]) -> Iterator[str]:
    if len(lines) <= _MOST:
        yield from lines
        return
    yield from lines[:_FIRST]
    yield f"    … {len(lines) - _FIRST - _LAST} lines like these …"
    yield from lines[-_LAST:]
