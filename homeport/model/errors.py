"""One error family, three parts: where, what is wrong, and the command that fixes it.

HomeportError
├── SettingsError (ValueError)    a setting is wrong, or missing
├── BlueprintError (ValueError)   a preset, catalog entry or override contradicts itself
└── ToolError (RuntimeError)      a tool that homeport drives is missing or failed
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

_COMMAND = re.compile(r"\bpulumi (config (?:set|rm|get))\b(?![^\n]*--stack)")
"""A command of a fix that means whichever stack is selected; homeport selects none."""


def for_stack(text: str, stack: str) -> str:
    """A text whose commands name the stack that they are for."""
    return _COMMAND.sub(rf"pulumi \1 --stack {stack}", text)


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: Where, as the user would type it: a config key's path such as ``homeport:settings.edge.https_port``.
        what: What is wrong there. Never holds the value of a secret.
        fix: The command, or the edit, that fixes it.
    """

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}\n      {self.fix}"


class HomeportError(Exception):
    """The root of everything that homeport refuses by name."""


class ProblemsError(HomeportError):
    """Carries all problems found, so that a user fixes them in one go."""

    title = "these are not valid"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(set(problems)))
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"{self.title} ({len(self.problems)}):\n{lines}")

    def of(self, stack: str) -> Self:
        """The same with the stack's name in each command, so that it can be copied and run."""
        return type(self)(tuple(replace(item, fix=for_stack(item.fix, stack)) for item in self.problems))


class SettingsError(ProblemsError, ValueError):
    """Settings were refused; nothing was registered."""

    title = "the settings are not valid"


class BlueprintError(ProblemsError, ValueError):
    """The blueprint contradicts itself; nothing was registered."""

    title = "the blueprint is not valid"


class ToolError(HomeportError, RuntimeError):
    """A tool that homeport drives (Docker, ssh, the Pulumi CLI) is missing or failed."""
