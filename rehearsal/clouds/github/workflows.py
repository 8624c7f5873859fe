"""From a workflow's file to the jobs of a push: as much of its syntax as deployments need, and no more.

Source: docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax. What is not emulated is refused
loudly, so that no test passes for the wrong reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TOP: Final = {"name", "on", "permissions", "concurrency", "env", "defaults", "jobs"}
_JOB: Final = {
    "name",
    "runs-on",
    "permissions",
    "concurrency",
    "env",
    "environment",
    "steps",
    "timeout-minutes",
    "defaults",
    "outputs",
}
_STEP: Final = {
    "name",
    "id",
    "if",
    "uses",
    "with",
    "run",
    "shell",
    "env",
    "working-directory",
    "continue-on-error",
    "timeout-minutes",
}

_INPUT: Final = {"description", "type", "default"}
_BOOLEANS: Final[Mapping[object, bool]] = {True: True, False: False, "true": True, "false": False, "": False}


class WorkflowError(Exception):
    """A file that GitHub would not take, or that this emulator does not know."""


@dataclass(frozen=True)
class Workflow:
    """One file.

    Attributes:
        path: Its path in the repository.
        name: Its name.
        on: Event to its filters.
        body: All of it.
    """

    path: str
    name: str
    on: Mapping[str, Any]
    body: Mapping[str, Any]

    def wants(self, ref: str, paths: list[str]) -> bool:
        """Whether a push of a branch that changed these paths starts it."""
        if "push" not in self.on:
            return False
        filters = self.on["push"] or {}
        if unknown := {*filters} - {"branches", "paths"}:
            raise WorkflowError(f"{self.path}: on.push.{min(unknown)} is not emulated")
        branch = ref.removeprefix("refs/heads/")
        if "branches" in filters and not _last(filters["branches"], branch):
            return False
        return "paths" not in filters or any(_last(filters["paths"], path) for path in paths)

    def inputs(self, chosen: Mapping[str, object]) -> dict[str, object]:
        """What its steps see of what somebody has chosen who starts it by hand; where nothing is, the defaults.

        Raises:
            WorkflowError: GitHub would not start it so.
        """
        declared = (self.on["workflow_dispatch"] or {}).get("inputs") or {}
        if unknown := {*chosen} - {*declared}:
            raise WorkflowError(f"Unexpected inputs provided: {sorted(unknown)}")
        seen: dict[str, object] = {}
        for name, about in declared.items():
            if extra := {*about} - _INPUT:
                raise WorkflowError(f"{self.path}: on.workflow_dispatch.inputs.{name}.{min(extra)} is not emulated")
            value = chosen.get(name, about.get("default", ""))
            boolean = about.get("type") == "boolean"
            if boolean and value not in _BOOLEANS:
                raise WorkflowError(f"Provided value '{value}' for input '{name}' not in the list of allowed values")
            seen[name] = _BOOLEANS[value] if boolean else value
        return seen

    def jobs(self) -> Iterator[Job]:
        """Its jobs."""
        for key, body in self.body["jobs"].items():
            labels = body["runs-on"]
            group = body.get("concurrency", self.body.get("concurrency")) or ""
            yield Job(
                key=key,
                labels=[labels] if isinstance(labels, str) else list(labels),
                group=group if isinstance(group, str) else str(group["group"]),
                # A workflow that names none has, in a new repository, what reads alone.
                permissions=body.get("permissions", self.body.get("permissions", {"contents": "read"})) or {},
                env={**(self.body.get("env") or {}), **(body.get("env") or {})},
                shell=_shell(body) or _shell(self.body),
                steps=list(body["steps"]),
                minutes=int(body.get("timeout-minutes", 360)),
                environment=str(body.get("environment", "")),
            )


@dataclass(frozen=True)
class Job:
    """One job of a workflow.

    Attributes:
        key: Its key in the file.
        labels: What it asks of a runner.
        group: At most one of these runs at a time.
        permissions: What its token may do.
        env: Environment of its steps.
        shell: Their shell.
        steps: The steps as they are written.
        minutes: How long it may take.
        environment: The repository's environment whose secrets it has, and whose reviewers let it begin.
    """

    key: str
    labels: list[str]
    group: str
    permissions: Mapping[str, str]
    env: Mapping[str, str]
    shell: str
    steps: list[dict[str, Any]]
    minutes: int = 360
    environment: str = ""
    needs: tuple[str, ...] = field(default=())


def read(path: str, text: str) -> Workflow:
    """A workflow's file.

    Raises:
        WorkflowError: GitHub would not take it, or it uses what is not emulated.
    """
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise WorkflowError(f"{path}: {problem}") from None
    # YAML 1.1 reads the word `on` as a truth value.
    body = {("on" if key is True else key): value for key, value in body.items()} if isinstance(body, dict) else {}
    _known(path, "", body, _TOP)
    if not body.get("jobs") or "on" not in body:
        raise WorkflowError(f"{path}: needs `on` and `jobs`")
    on = body["on"]
    events = {on: None} if isinstance(on, str) else dict.fromkeys(on) if isinstance(on, list) else dict(on)
    for key, job in body["jobs"].items():
        _known(path, f"jobs.{key}", job, _JOB)
        for number, step in enumerate(job["steps"]):
            _known(path, f"jobs.{key}.steps[{number}]", step, _STEP)
            if ("run" in step) == ("uses" in step):
                raise WorkflowError(f"{path}: jobs.{key}.steps[{number}] needs either run or uses")
    return Workflow(path, str(body.get("name", path)), events, body)


def _shell(body: Mapping[str, Any]) -> str:
    return str(((body.get("defaults") or {}).get("run") or {}).get("shell", ""))


def _known(path: str, where: str, body: Mapping[str, Any], known: set[str]) -> None:
    if unknown := {*body} - known:
        raise WorkflowError(f"{path}: {where} {min(map(str, unknown))} is no key, or is not emulated")


def _last(patterns: list[str], text: str) -> bool:
    """The last pattern that matches decides; one that begins with `!` takes away."""
    wanted = False
    for pattern in patterns:
        if re.fullmatch(_expression(pattern.removeprefix("!")), text):
            wanted = not pattern.startswith("!")
    return wanted


def _expression(pattern: str) -> str:
    parts = re.split(r"(\*\*/?|\*|\?)", pattern)
    words = {"**": ".*", "**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return "".join(words.get(part, re.escape(part)) for part in parts)
