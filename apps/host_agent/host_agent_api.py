"""What may be asked, and what is answered: the operations of ``openapi.json``, and no other."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import host_agent_system
from host_agent_client import BACKUP, OWN, PULL, STATUS, NoTaskError
from host_agent_http import Answer, Request, problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from host_agent_client import Tasks
    from host_agent_guard import Guard

REFUSAL = "a bearer token is asked for, and none or a wrong one was sent"


@dataclass(frozen=True, kw_only=True)
class Route:
    """An operation.

    Attributes:
        method: Its method.
        path: Its path, as ``openapi.json`` has it.
        run: What it does; gets the words that stand in the path's braces.
        guarded: Whether it asks for the token.
    """

    method: str
    path: str
    run: Callable[..., Awaitable[Answer]]
    guarded: bool = True

    def match(self, path: str) -> tuple[str, ...] | None:
        """The words in the place of its braces; None where the path is another one."""
        pattern = re.sub(r"\\\{[a-z]+\\\}", "([^/]+)", re.escape(self.path))
        match = re.fullmatch(pattern, path)
        return match.groups() if match else None


class Api:
    """The operations of one agent."""

    def __init__(self, guard: Guard, tasks: Tasks, version: str, document: Path) -> None:
        self._guard, self._tasks, self._version = guard, tasks, version
        self._document = {**json.loads(document.read_text(encoding="utf-8"))}
        self._document["info"] = {**self._document["info"], "version": version}
        self.routes = (
            Route(method="GET", path="/health", run=self._health, guarded=False),
            Route(method="GET", path="/openapi.json", run=self._openapi),
            Route(method="POST", path="/backup/n8n", run=self._backup),
            Route(method="GET", path="/git/status", run=self._git_status),
            Route(method="POST", path="/git/pull", run=self._git_pull),
            Route(method="GET", path="/system/info", run=self._system),
            Route(method="GET", path="/tasks", run=self._names),
            Route(method="POST", path="/tasks/{name}", run=self._task),
        )

    async def answer(self, request: Request) -> Answer:
        """What a request gets."""
        there = [(route, words) for route in self.routes if (words := route.match(request.path)) is not None]
        asked = [(route, words) for route, words in there if route.method == request.method]
        name = there[0][0].path if there else "-"
        if not (asked and not asked[0][0].guarded) and (refused := self._refused(request)):
            return replace(refused, route=name)
        if asked:
            route, words = asked[0]
            return replace(await route.run(*words), route=name)
        if there:
            allowed = ", ".join(route.method for route, _ in there)
            return replace(problem(405, f"this path takes {allowed}", Allow=allowed), route=name)
        return problem(404, "there is no such path")

    def _refused(self, request: Request) -> Answer | None:
        verdict = self._guard.verdict(request.source, request.authorization)
        if verdict == "locked":
            wait = str(self._guard.wait(request.source) or 1)
            return problem(429, "too many wrong tokens came from this address", Retry_After=wait)
        return problem(401, REFUSAL, WWW_Authenticate="Bearer") if verdict == "wrong" else None

    async def _health(self) -> Answer:
        return Answer(status=200, body={"status": "ok", "service": "host-agent", "version": self._version})

    async def _openapi(self) -> Answer:
        return Answer(status=200, body=self._document)

    async def _system(self) -> Answer:
        return Answer(status=200, body=await asyncio.to_thread(host_agent_system.info))

    async def _names(self) -> Answer:
        return Answer(status=200, body={"tasks": [name for name in self._tasks.names() if name not in OWN]})

    async def _backup(self) -> Answer:
        outcome = await self._outcome(BACKUP)
        if isinstance(outcome, Answer):
            return outcome
        result = outcome.get("result")
        if outcome.get("exit_code") or not isinstance(result, dict):
            return _failed(outcome)
        return Answer(status=200, body={"status": "ok", **result, "duration_s": outcome["duration_s"]})

    async def _git_status(self) -> Answer:
        return self._of_git(await self._outcome(STATUS))

    async def _git_pull(self) -> Answer:
        return self._of_git(await self._outcome(PULL))

    @staticmethod
    def _of_git(outcome: dict[str, Any] | Answer) -> Answer:
        if isinstance(outcome, Answer):
            return outcome
        result = outcome.get("result")
        return Answer(status=200, body=result) if isinstance(result, dict) else _failed(outcome)

    async def _task(self, name: str) -> Answer:
        if name in OWN:
            return problem(404, "there is no such task")
        outcome = await self._outcome(name)
        if isinstance(outcome, Answer):
            return outcome
        if outcome["exit_code"]:
            return _failed(outcome)
        words = {key: outcome[key] for key in ("exit_code", "stdout_tail", "duration_s")}
        return Answer(status=200, body={"status": "ok", "task": name, **words})

    async def _outcome(self, name: str) -> dict[str, Any] | Answer:
        """How a task ended, or the answer where it did not end by itself."""
        try:
            outcome = await self._tasks.run(name)
        except NoTaskError:
            if name not in OWN:
                return problem(404, "there is no such task")
            unit = f"host-agent-task@{name}.socket"
            return problem(503, f"{unit} does not listen; fix: sudo systemctl restart {unit}")
        return outcome if outcome["state"] == "ended" else _unended(name, outcome)


def _unended(name: str, outcome: dict[str, Any]) -> Answer:
    detail = str(outcome.get("detail", ""))
    answers = {
        "busy": problem(409, "it runs already"),
        "conflict": problem(409, detail),
        "timeout": problem(504, "it took too long, and was ended with all that it had started"),
        "refused": Answer(status=500, body=_error(None, detail)),
    }
    lost = f"its helper ended early: sudo journalctl -u host-agent-task@{name}"
    return answers.get(outcome["state"], Answer(status=500, body=_error(None, lost)))


def _failed(outcome: dict[str, Any]) -> Answer:
    words = str(outcome.get("stderr_tail") or "it said nothing that can be used")
    return Answer(status=500, body=_error(outcome.get("exit_code"), words))


def _error(code: int | None, tail: str) -> dict[str, Any]:
    return {"status": "error", "exit_code": code, "stderr_tail": tail}
