"""What the emulated API refuses, and in which words: one file a case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.clouds_hetzner.emulated import KEY

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))


def filled(value, ids):
    """The value with `{0}` as the id of what the first request made, and so on."""
    if isinstance(value, dict) and set(value) == {"repeat"}:
        return value["repeat"][0] * value["repeat"][1]
    if isinstance(value, dict):
        return {key: filled(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    if value == "KEY":
        return KEY
    if isinstance(value, str) and value.startswith("{"):
        return ids[int(value.strip("{}"))]
    return value.format(*ids) if isinstance(value, str) and "/{" in value else value


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_wrong_request_is_refused_with_the_status_and_code_of_the_api(cloud, path):
    case = json.loads(path.read_text(encoding="utf-8"))
    ids = []
    for method, target, body in case["prepare"]:
        answer = cloud.make(filled(target, ids), filled(body, ids)) if method == "POST" else None
        ids += [value["id"] for key, value in answer.items() if isinstance(value, dict) and key != "action"]
    status, answer, _ = cloud.ask(*filled(case["request"], ids))
    assert (case["status"], case["code"]) == (status, answer["error"]["code"]), answer
    named = [field["name"] for field in ((answer["error"]["details"] or {}).get("fields") or [])]
    assert (case["fields"] or []) == named
    assert answer["error"]["message"]
