"""Replays a recorded scenario against plugins, call by call, as the engine made them."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

from tests.rehearsal.conformance.normalise import Memory, Rules, differences, reveal, strip
from tests.rehearsal.conformance.recordings import package_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.rehearsal.conformance.plugin_process import Answer, PluginProcess
    from tests.rehearsal.conformance.recordings import Scenario, Step

_STATEFUL = ("Diff", "Read", "Update", "Delete")
_OLD_PARTS = ("olds", "oldInputs", "properties", "inputs")
_STOP = re.compile(r"docker stop .*?(\S+)")


def _once_it_runs(command: str) -> str:
    """The same; before a stop the container's own program is there.

    Docker says that a container runs while the process is runc's own still, which a signal ends with 2 instead of 137.
    """
    stop = _STOP.fullmatch(command)
    return f"while docker top {stop[1]} -o pid,comm | grep -q runc; do sleep 0.05; done; {command}" if stop else command


def run_shell(command: str) -> None:
    """Does by hand what was done by hand during the recording."""
    done = subprocess.run(["/bin/sh", "-c", command], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"step by hand failed: {command}: {done.stderr}"


class Replay:
    """One scenario against one set of plugins.

    `mismatches(index)` runs every step up to that one, once, and says in what the step differs from its recording.
    `close()` deletes what the scenario has left behind.

    Args:
        scenario: What to replay.
        plugins: Package name to its running plugin; handshake is made here, Configure after the first CheckConfig.
        rules: What may differ.
        shell: Runs a `shell` step.
        by_hand: Does an `http_by_hand` step, given as "METHOD path".
        config: Turns recorded provider settings into those of this run, for instance another endpoint.
    """

    def __init__(
        self,
        scenario: Scenario,
        plugins: Mapping[str, PluginProcess],
        rules: Rules,
        *,
        shell: Callable[[str], None] = run_shell,
        by_hand: Callable[[str], None] | None = None,
        config: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _package, args: args,
    ) -> None:
        self.scenario, self.plugins, self.memory = scenario, plugins, Memory(rules)
        self._shell, self._by_hand, self._config = shell, by_hand, config
        self._results: list[list[str]] = []
        self._configured: set[str] = set()
        self._partial: dict[str, dict[str, Any]] = {}
        self._alive: dict[tuple[str, str], dict[str, Any]] = {}
        for plugin in plugins.values():
            plugin.handshake()

    def mismatches(self, index: int) -> list[str]:
        """The differences of step `index` from its recording, one sentence each."""
        while len(self._results) <= index:
            step = self.scenario.steps[len(self._results)]
            try:
                differing = self._step(step)
            except AssertionError as failure:
                # The steps after it are still worth a look, and must not run this one again.
                differing = [str(failure)]
            self._results.append(differing)
        return self._results[index]

    def close(self) -> None:
        """Deletes the resources that are still there, newest first."""
        for (urn, actual_id), state in reversed(self._alive.items()):
            request = {"id": actual_id, "urn": urn, "properties": state, **_names(urn)}
            self.plugins[package_of({"request": request})].call("Delete", request)

    def _step(self, step: Step) -> list[str]:
        if step.shell:
            self._shell(_once_it_runs(step.shell))
        if step.by_hand:
            assert self._by_hand is not None, f"step {step.name!r} needs by_hand"
            self._by_hand(step.by_hand)
        differing: list[str] = []
        for number, call in enumerate(step.calls):
            where = f"call {number} {call['method']} {call['request'].get('name', call['request'].get('tok', ''))}"
            differing += [f"{where}: {difference}" for difference in self._call(call)]
        return differing

    def _call(self, call: dict[str, Any]) -> list[str]:
        method, recorded = call["method"], call["request"]
        package = package_of(call)
        plugin = self.plugins[package]
        request = self._request(method, recorded)
        if method == "CheckConfig":
            request["news"] = self._config(package, request["news"])
        answer = plugin.call(method, request)
        if method == "CheckConfig" and answer.response is not None and package not in self._configured:
            self._configured.add(package)
            configured = plugin.configure(answer.response.get("inputs", {}))
            assert configured.code == "OK", f"Configure of {package} failed: {configured.error}"
        if answer.partial is not None:
            self._partial[recorded["urn"]] = answer.partial
            self._alive[recorded["urn"], answer.partial["id"]] = answer.partial.get("properties", {})
        differing = self._compare(call, answer)
        self._note(method, recorded, request, call.get("response") or {}, answer)
        return differing

    def _request(self, method: str, recorded: dict[str, Any]) -> dict[str, Any]:
        request = {key: self.memory.translate(value, "") for key, value in recorded.items() if key not in _OLD_PARTS}
        urn, recorded_id = recorded.get("urn", ""), recorded.get("id", "")
        if method in _STATEFUL:
            self._adopt(recorded)
            if (urn, recorded_id) in self.memory.states:
                request["id"] = self.memory.states[urn, recorded_id][0]
        for part in _OLD_PARTS:
            if part in recorded:
                request[part] = (
                    self.memory.state(urn, recorded_id, recorded[part])
                    if method in _STATEFUL
                    else self.memory.translate(recorded[part])
                )
        # Nobody listens at the recorded address: the engine offers it, no plugin here uses it.
        request.pop("resourceStatusAddress", None)
        request.pop("resourceStatusToken", None)
        return request

    def _adopt(self, recorded: dict[str, Any]) -> None:
        """Pairs the recorded id of a resource that failed to come up with the one of this run."""
        urn, recorded_id = recorded["urn"], recorded["id"]
        partial = self._partial.get(urn)
        if (urn, recorded_id) in self.memory.states or partial is None:
            return
        del self._partial[urn]
        state = recorded.get("olds", recorded.get("properties", {}))
        self.memory.learn(recorded_id, partial["id"], is_id=True)
        self.memory.remember(urn, recorded_id, partial["id"], state, strip(partial.get("properties", {})))

    def _compare(self, call: dict[str, Any], answer: Answer) -> list[str]:
        rules = self.memory.rules
        errors = call.get("errors") or []
        if errors:
            parts = re.fullmatch(r"rpc error: code = (\w+) desc = (.*)", errors[0], re.DOTALL)
            expected_error = (parts[1], rules.error(self.memory.translate(parts[2]))) if parts else ("", errors[0])
            got = (answer.code, rules.error(answer.error))
            return [] if expected_error == got else [f"recorded error {expected_error}, answered {got}"]
        if answer.response is None:
            return [f"recorded success, answered error {answer.code}: {answer.error}"]
        recorded, response = strip(call.get("response") or {}), strip(answer.response)
        urn, recorded_id = call["request"].get("urn", ""), call["request"].get("id", "")
        expected = {key: self.memory.translate(value, key) for key, value in recorded.items()}
        if (urn, recorded_id) in self.memory.states:
            for part in ("properties", "inputs"):
                if part in recorded:
                    expected[part] = self._expected_state(urn, recorded_id, recorded[part])
            if recorded.get("id") == recorded_id and recorded_id:
                expected["id"] = self.memory.states[urn, recorded_id][0]
        token = call["request"].get("type") or call["request"].get("tok", "")
        return list(differences(token, expected, response, self.memory))

    def _expected_state(self, urn: str, recorded_id: str, recorded: Any) -> Any:
        return self.memory.state(urn, recorded_id, recorded)

    def _note(
        self,
        method: str,
        recorded: dict[str, Any],
        request: dict[str, Any],
        recorded_response: dict[str, Any],
        answer: Answer,
    ) -> None:
        if answer.response is None or request.get("preview"):
            return
        urn, response = recorded.get("urn", ""), strip(answer.response)
        if method == "Delete":
            self._alive.pop((urn, request["id"]), None)
        elif method in ("Create", "Read", "Update") and "properties" in response:
            recorded_id = recorded_response.get("id") or recorded.get("id", "")
            actual_id = response.get("id") or request.get("id", "")
            self.memory.learn(recorded_id, actual_id, is_id=True)
            self.memory.remember(
                urn, recorded_id, actual_id, recorded_response.get("properties", {}), response["properties"]
            )
            self._alive[urn, actual_id] = reveal(response["properties"])
        elif method == "Read":
            self._alive.pop((urn, request["id"]), None)


def _names(urn: str) -> dict[str, str]:
    kind, name = urn.split("::", 3)[2:]
    return {"type": kind.rsplit("$", 1)[-1], "name": name}
