"""One error family, three parts: where, what is wrong, and the command that fixes it.

HomeportError
├── SettingsError (ValueError)    a setting is wrong, or missing
├── BlueprintError (ValueError)   a preset, catalog entry or override contradicts itself
└── ToolError (RuntimeError)      a tool that homeport drives is missing or failed
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from homeport.model.fixes import for_stack, shown


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: Where, as the user would type it: a config key's path such as ``homeport:settings.edge.https_port``.
        what: What is wrong there. Never holds the value of a secret.
        fix: The edit that fixes it, or ``Run:`` and the commands, which are the rest of the line.
    """

    path: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}\n      fix: {shown(self.fix, ' ' * 11)}"


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
