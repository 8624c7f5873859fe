"""The page docs/reference.md, written from the verbs themselves."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from homeport.cli.app import PANELS, document_keys, load

if TYPE_CHECKING:
    from typer.core import TyperCommand

_HEAD = """# The command `homeport`

Made by `make docs` from `homeport/cli/verbs/`; do not edit by hand. `bin/homeport` runs in a checkout, from any folder
and through a link (`ln -s "$PWD/bin/homeport" ~/.local/bin/homeport`), and makes its own Python environment. Every
`make` target is one of these verbs.

- **Exit codes**: 0 done, 1 not done or not healthy (standard error has the reason, and what helps), 2 a wrong command
  line, 130 interrupted. Ctrl-C and SIGTERM let Pulumi end what is under way, and note it; a second one ends it at once.
- **`--json`** prints one document on standard output and nothing else there; progress goes to standard error.
- **Output** is plain text without colours in a pipe; `NO_COLOR` takes the colours away in a terminal as well.
- **Completion**: `homeport completion bash`, `zsh` or `fish` prints the shell's script.
"""


def reference() -> str:
    """One section per group of verbs, in Markdown."""
    parts = [_HEAD]
    for panel, verbs in PANELS.items():
        parts.append(f"## {panel}\n")
        parts += [_verb(verb) for verb in verbs]
    return "\n".join(parts)


def _verb(verb: str) -> str:
    command = load(verb)
    rows = "\n".join(_options(command))
    table = f"\n| Argument or option | Meaning | Default |\n|---|---|---|\n{rows}\n" if rows else ""
    keys = document_keys(verb)
    document = f"\nThe document of `--json` has {', '.join(f'`{key}`' for key in keys)}.\n" if keys else ""
    return f"### `homeport {verb}`\n\n{command.help}\n{table}{document}\n```console\n{_examples(command)}\n```\n"


def _options(command: TyperCommand) -> list[str]:
    rows = []
    for parameter in command.params:
        if parameter.name == "help":
            continue
        value = parameter.metavar or "|".join(_choices(parameter))
        words = ", ".join([*parameter.opts, *parameter.secondary_opts])
        option = words if parameter.param_type_name == "option" else ""
        # Within a table's cell a bar has to be escaped, in code as well (GitHub's Markdown).
        named = f"`{' '.join(filter(None, (option, value)))}`".replace("|", "\\|")
        default = parameter.default if isinstance(parameter.default, str) else ""
        rows.append(f"| {named} | {getattr(parameter, 'help', '') or ''} | {f'`{default}`' if default else ''} |")
    return rows


def _choices(parameter: object) -> list[str]:
    """The words that may be typed, where only a few may."""
    words = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    return list(words) if isinstance(words, type) and issubclass(words, StrEnum) else []


def _examples(command: TyperCommand) -> str:
    _, _, lines = (command.epilog or "").partition("\n\n")
    return "\n".join(line.strip() for line in lines.splitlines())
