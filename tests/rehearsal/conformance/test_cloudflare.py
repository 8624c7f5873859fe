"""The cloudflare stand-in answers as the official plugin did, and asks of the emulated API what that one asked."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from tests.rehearsal.conformance import recordings
from tests.rehearsal.conformance.replay import Replay
from tests.rehearsal.conformance.rules.cloudflare import RULES
from tests.rehearsal.conformance.suite import launch, parameters
from tests.support.cloudflare import TOKEN, Cloud

PACKAGE, VERSION = "cloudflare", "6.23.1"
PREFIX = "/client/v4"


class Watched:
    """A replay against an emulated cloud of its own; `asked` has the API calls of each step."""

    def __init__(self, target, scenario):
        self._folder = tempfile.TemporaryDirectory()
        self.cloud = Cloud(Path(self._folder.name) / "state")
        self.calls, self.asked = [], []
        router = self.cloud.emulator.router
        answer = router.answer

        def watched(request):
            self.calls.append((request.method, request.path, request.body or None))
            return answer(request)

        router.answer = watched
        url = self.cloud.emulator.api_url
        config = lambda _package, args: {**args, "baseUrl": url, "apiToken": TOKEN}  # noqa: E731
        plugin = launch(target, PACKAGE, VERSION)
        self.replay = Replay(
            scenario.only(PACKAGE), {PACKAGE: plugin}, RULES, by_hand=lambda _request: None, config=config
        )
        self.replay.memory.learn("http://127.0.0.1:9912/client/v4", url, is_id=False)

    def mismatches(self, index):
        while len(self.asked) <= index:
            self.replay.mismatches(len(self.asked))
            self.asked.append(list(self.calls))
            self.calls.clear()
        return self.replay.mismatches(index)

    def close(self):
        self.replay.close()
        for plugin in self.replay.plugins.values():
            plugin.stop()
        self.cloud.emulator.close()
        self._folder.cleanup()


@pytest.fixture(scope="module")
def watched():
    running = {}

    def of(target, scenario):
        key = (target, scenario.name)
        if key not in running:
            running[key] = Watched(target, scenario)
        return running[key]

    yield of
    for run in running.values():
        run.close()


@pytest.mark.parametrize(("target", "scenario", "step"), parameters(PACKAGE, VERSION))
def test_every_recorded_call_gets_the_recorded_answer(watched, target, scenario, step):
    mismatches = watched(target, scenario).mismatches(step.index)
    assert [] == mismatches, f"{target} differs from the recording:\n" + "\n".join(mismatches)


@pytest.mark.parametrize(("target", "scenario", "step"), parameters(PACKAGE, VERSION))
def test_every_step_asks_the_api_what_the_official_plugin_asked(watched, target, scenario, step):
    run = watched(target, scenario)
    run.mismatches(step.index)
    memory = run.replay.memory
    rows = scenario.http(PREFIX)[step.index]
    recorded = [
        (row["method"], memory.translate(row["path"].removeprefix(PREFIX)), memory.translate(row["body"]))
        for row in rows
    ]
    in_order = [
        sorted(calls, key=lambda call: json.dumps(call, sort_keys=True)) for calls in (recorded, run.asked[step.index])
    ]
    assert in_order[0] == in_order[1], "which of two resources comes first is the engine's choice; the calls are not"


# The recording's fake stamped everything it made with all four, told the secret again at deletion, and never counted.
FAKE = frozenset({"created_at", "updated_at", "created_on", "modified_on", "deleted_at"})


def shape(recorded, answered, path=""):
    """Fields of a recorded answer that the emulated one lacks, or has in another form."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for key in recorded.keys() - FAKE:
            there = f"{path}.{key}"
            yield from shape(recorded[key], answered[key], there) if key in answered else [f"{there} is missing"]
    elif isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            yield f"{path}: recorded {len(recorded)} entries, answered {len(answered)}"
        for number, pair in enumerate(zip(recorded, answered, strict=False)):
            yield from shape(*pair, f"{path}[{number}]")
    elif type(recorded) is not type(answered):
        yield f"{path}: recorded {recorded!r}, answered {answered!r}"


@pytest.mark.parametrize("scenario", recordings.scenarios(PACKAGE), ids=lambda scenario: scenario.name)
def test_the_emulated_api_answers_every_recorded_call_with_the_recorded_fields(scenario, tmp_path):
    cloud, now, differing, count = Cloud(tmp_path / "state"), {}, [], 0
    for row in (row for step in scenario.http(PREFIX) for row in step):
        text = json.dumps([row["path"], row["body"]])
        for recorded, actual in now.items():
            text = text.replace(recorded, actual)
        where, body = json.loads(text)
        status, answer = cloud.call(row["method"], where.removeprefix(PREFIX), body)
        count += 1
        place = f"{row['method']} {row['path']}"
        response = row["response"]
        if row["method"] == "DELETE":
            response["result"].pop("client_secret", None)
        if status != row["status"]:
            differing.append(f"{place}: recorded {row['status']}, answered {status} {answer}")
            continue
        differing += [f"{place}: {line}" for line in shape(response, answer)]
        if row["method"] == "POST":
            now[response["result"]["id"]] = answer["result"]["id"]
    cloud.emulator.close()
    assert count > 0, "a recording without calls proves nothing"
    assert [] == differing
