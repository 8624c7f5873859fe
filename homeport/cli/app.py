"""The command `homeport`: its verbs, of which only the one that is called is loaded, and how each of them ends."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from inspect import signature
from itertools import pairwise
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from homeport.model.errors import HomeportError
from homeport.model.fixes import for_stack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

NAME = "homeport"
COMPLETE = "_HOMEPORT_COMPLETE"
"""The variable by which a shell asks for completions."""
PANELS = {
    "One stack": (
        "up",
        "once",
        "down",
        "preview",
        "preflight",
        "status",
        "smoke",
        "verify",
        "credentials",
        "open",
        "repair",
        "report",
        "images",
        "promote",
        "export",
    ),
    "Own services": ("add", "import"),
    "Backups": ("backup", "restore"),
    "People": ("colleague", "wireguard"),
    "SSH": ("harden",),
    "Rehearsal of production": ("rehearse", "rehearse-down", "rehearse-destroy", "rehearse-shell"),
    "Plain pulumi": ("pulumi", "engine", "env", "shell"),
    "This project": ("check", "test", "requirements", "docs", "completion"),
}
"""Heading of the help to verbs, in their order."""
VERBS = {verb: panel for panel, verbs in PANELS.items() for verb in verbs}
_HELP = "Stands up a private platform on your own servers, and looks after it."
_EXAMPLES = """
homeport up                       bring the stack dev up on this machine's Docker
homeport preview --stack prod     what would change in production
homeport status --json            what runs, for a program
homeport VERB --help              all about one verb
"""
_BROKEN_PIPE = 141
"""What a shell reports of a command that a closed pipe has ended: 128 + SIGPIPE."""


class Verbs(TyperGroup):
    """A group whose commands are modules of `homeport.cli.verbs`; each is imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # typer's signature
        """All verbs, in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002  # typer's signature
        """The command of a verb; none if there is no such verb."""
        return load(cmd_name) if cmd_name in VERBS else None


def _module(verb: str) -> ModuleType:
    # A word of Python's own has an underscore behind it.
    name = f"{verb}_" if iskeyword(verb) else verb.replace("-", "_")
    return import_module(f"homeport.cli.verbs.{name}")


def document_keys(verb: str) -> tuple[str, ...]:
    """The keys of the document that a verb prints with `--json`; none where it prints none, or Pulumi's own."""
    keys: tuple[str, ...] = getattr(_module(verb), "KEYS", ())
    return keys


def load(verb: str) -> TyperCommand:
    """The command that a verb's module describes: `command`, `EXAMPLES` and, where it needs them, `SETTINGS`."""
    module = _module(verb)
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    app.command(
        verb,
        epilog=examples(module.EXAMPLES),
        context_settings=getattr(module, "SETTINGS", None),
    )(module.command)
    command = typer.main.get_command(app)
    if not isinstance(command, TyperCommand):
        raise TypeError(f"{verb}: one function makes a command and no group")
    command.rich_help_panel = VERBS[verb]
    return command


def examples(text: str) -> str:
    """Examples as the end of a help text, each on a line of its own."""
    return "Examples:\n\n" + "\n".join(f"  {line}" for line in text.strip().splitlines())


def group() -> Verbs:
    """The whole command."""
    return Verbs(
        name=NAME,
        help=_HELP,
        epilog=examples(_EXAMPLES),
        # By name alone: typer suggests from these when a verb is misspelt.
        commands=dict.fromkeys(VERBS),  # type: ignore[arg-type]
        no_args_is_help=True,
        rich_markup_mode="rich",
        subcommand_metavar="VERB [ARGS]...",
    )


_GOING_ON = ("up", "down", "rehearse", "rehearse-down", "rehearse-destroy")
"""Verbs that a second call of takes up where the first one ended."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; its exit code: 2 after a wrong command line, 130 when it was interrupted."""
    if COMPLETE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

        completion_init()
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return code


def _stack(argv: Sequence[str] | None) -> str:
    """The stack that the command line is about, for the commands that an error gives."""
    words = list(sys.argv[1:] if argv is None else argv)
    after = [following for word, following in pairwise(words) if word == "--stack"]
    named = [*after, *(word.removeprefix("--stack=") for word in words if word.startswith("--stack="))]
    if not named and words[:1] and words[0] in VERBS:
        parameters = signature(_module(words[0]).command).parameters
        named = [parameters["stack"].default] if "stack" in parameters else []
    return next(iter(named), "dev")


def _run(argv: Sequence[str] | None) -> int:
    try:
        group()(args=argv, prog_name=NAME, complete_var=COMPLETE)
    except SystemExit as ended:
        # Typer and rich end a command whose reader has gone with 1, as if something had failed.
        if isinstance(ended.__context__, BrokenPipeError):
            return _BROKEN_PIPE
        if ended.code == 130:  # noqa: PLR2004  # typer's answer to Ctrl-C
            verb = next(iter(sys.argv[1:] if argv is None else argv), "")
            of_stack = "" if (stack := _stack(argv)) == "dev" else f" STACK={stack}"
            fix = f"\n  fix: make {verb}{of_stack} (it takes up where this ended)" if verb in _GOING_ON else ""
            print(f"homeport: interrupted{fix}", file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else 0
    except HomeportError as error:
        sys.stdout.flush()
        print(f"homeport: {for_stack(str(error), _stack(argv))}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        # A full disk, another user's folder: that is told by a sentence. Whatever else it is, we were wrong.
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
            where, fix = error.filename or "this machine", "df -h"
        elif isinstance(error, PermissionError) and error.filename:
            where, fix = error.filename, f"ls -ld {error.filename}; whoever runs this must be its owner"
        else:
            raise
        print(f"homeport: {where}: {error.strerror}\n  fix: {fix}", file=sys.stderr)
        return 1
    return 0
