"""The recordings of the official plugins: in one form, and with nothing of the machine that they were taken on."""

from __future__ import annotations

import ipaddress
import json
import re

import pytest

from tests.recordings.plugins import form
from tests.rehearsal.conformance import recordings

FILES = [pytest.param(path, id=path.stem) for path in sorted(recordings.FOLDER.glob("*-*.json"))]


@pytest.mark.parametrize("path", FILES)
def test_a_recording_has_the_one_form(path):
    assert path.read_text(encoding="utf-8") == form.text_of(form.steps_of(path)), (
        f"run: python -m tests.recordings.plugins.form {path.name}"
    )


@pytest.mark.parametrize("package", ["docker", "hcloud", "cloudflare", "command", "random"])
def test_every_stand_in_has_a_recording_from_its_first_up_to_its_end(package):
    for scenario in recordings.scenarios(package):
        calls = [call["method"] for step in scenario.only(package).steps for call in step.calls]
        assert {"Check", "Create", "Diff", "Delete"} <= {*calls}, (
            f"{scenario.name} leaves out a part of a resource's life"
        )


@pytest.mark.parametrize("path", FILES)
def test_a_recording_holds_nothing_of_the_machine_that_it_was_taken_on(path):
    text = path.read_text(encoding="utf-8")
    assert [] == re.findall(r"/(?:home|root|work|Users)/[^\s\"]*", text), "paths"
    addresses = {ipaddress.ip_address(found) for found in re.findall(r"\b(?:\d{1,3}\.){3}\d{1,3}\b", text)}
    assert [] == [address for address in addresses if address.is_global], "only private and documentation addresses"


STEPS = [
    {
        "step": "create",
        "op": "up",
        "changes": {"create": 1},
        "calls": [
            {
                "method": "Create",
                "request": {
                    "urn": "urn:pulumi:dev::p::a:b/c:C$d:e/f:F::name::with::colons",
                    "name": "name::with::colons",
                    "type": "d:e/f:F",
                    "resourceStatusAddress": "127.0.0.1:1",
                    "properties": {"content": "x" * 80, "list": [{"deep": "y" * 80}, {"deep": "y" * 80}]},
                },
                "response": {
                    "id": "1",
                    "properties": {"content": "x" * 80, "list": [{"deep": "y" * 80}, {"deep": "y" * 80}]},
                },
                "errors": None,
            }
        ],
    }
]


def test_the_form_loses_nothing_that_a_replay_needs(tmp_path):
    raw, packed = tmp_path / "raw.json", tmp_path / "packed.json"
    raw.write_text(json.dumps(STEPS))
    packed.write_text(form.text_of(form.steps_of(raw)))
    call, recorded = form.steps_of(packed)[0]["calls"][0], STEPS[0]["calls"][0]

    assert (recorded["method"], recorded["response"]) == (call["method"], call["response"])
    assert {key: value for key, value in recorded["request"].items() if key != "resourceStatusAddress"} == call[
        "request"
    ]
    assert 1 == packed.read_text().count("x" * 80), "a larger value is written once"
