"""Production, rehearsed: no secret in the state and its history, in the stack's file, or in what any operation says."""

from __future__ import annotations

import json
import secrets
import time

import pytest

from rehearsal.probes.canary import Canaries
from tests.support.edits import EDITS
from tests.support.production import ASKED, UPDATE
from tests.support.production_secrets import every

pytestmark = pytest.mark.docker
QUIET = ("--non-interactive", "--suppress-permalink=true")
OPERATIONS = {
    "preview": ("preview", "--diff", *QUIET),
    "refresh": ("refresh", "--yes", "--skip-preview", "--diff", *QUIET),
    "up": (*UPDATE[:3], "--diff", *QUIET),
    "outputs": ("stack", "output", "--json"),
    "export": ("stack", "export"),
    "stack": ("stack", "--show-urns"),
    "config": ("config", "--json"),
}


@pytest.fixture(scope="module")
def canaries(rehearsed):
    with rehearsed.seen() as view:
        return Canaries(every(rehearsed, view))


@pytest.mark.req("C-01", "C-02", "C-06", "P-08")
def test_no_secret_is_in_the_state_its_history_or_the_stacks_file(canaries):
    planted = ASKED.folder / "planted"
    planted.mkdir(exist_ok=True)
    try:
        for number, (name, value) in enumerate(canaries.secrets.items()):
            (planted / str(number)).write_text(json.dumps({"outputs": {name: f"x{value}y"}}))
        control = {finding.where for finding in canaries.files([str(planted)])}
    finally:
        for path in planted.iterdir():
            path.unlink()
        planted.rmdir()
    began = time.monotonic()
    state, searched = ASKED.folder / "state" / ".pulumi", canaries.looked_at["file"]
    found = canaries.files([str(state), str(ASKED.checkout / f"Pulumi.{ASKED.name}.yaml")])
    print(
        f"{len(canaries.secrets)} secrets, {canaries.looked_at['file'] - searched} files, "
        f"{time.monotonic() - began:.0f} s"
    )

    assert len(canaries.secrets) > 40, "these are not all"
    assert len(canaries.secrets) == len(control), "what was planted was not all found"
    assert [] == canaries.unread
    assert canaries.looked_at["file"] - searched > 5, "stacks, backups, history"
    assert [] == sorted({f"{one.secret} ({one.how}) in {one.where}" for one in found}), "encrypted, or not there"


@pytest.mark.req("C-03", "C-04", "C-06")
def test_no_secret_is_in_what_any_operation_says_nor_in_its_events(rehearsed, canaries, tmp_path):
    """Also of an update that fails in the middle of a file full of secrets, on the host.

    Not of debugging: Pulumi's own SDK says what it registers, secrets in plain, in events of severity debug (also
    with --debug, -v=9).
    """
    found, said = [], {}
    with rehearsed.as_it_was():
        for name, argv in OPERATIONS.items():
            log = tmp_path / name
            more = ("--event-log", str(log)) if argv[0] in {"preview", "refresh", "up"} else ()
            done = rehearsed.pulumi(*argv, *more)
            assert done.returncode == 0, done.stdout[-3000:]
            said[name] = done.stdout + (_events(log) if log.exists() else "")
        EDITS["WireGuard fails and shows its keys"].apply(ASKED.checkout)
        log = tmp_path / "failing"
        done = rehearsed.up("--diff", "--event-log", str(log))
        assert done.returncode != 0, "it should have failed"
        assert "exit code 9" in done.stdout and "[secret]" in done.stdout, done.stdout[-3000:]
        said["failing"] = done.stdout + _events(log)
    for name, text in {**said, "all": "".join(rehearsed.told)}.items():
        found += canaries.text("operation", name, text)
    canary = next(iter(canaries.secrets.values()))
    control = canaries.text("operation", "planted", said["up"] + json.dumps({"x": canary + secrets.token_hex(4)}))

    assert len(control) > 0, "a planted secret is found"
    masked = json.loads(said["outputs"])
    assert {"[secret]"} == {masked[name] for name in ("credentials", "client_configs", "service_tokens", "connections")}
    assert [] == sorted({f"{finding.secret} ({finding.how}) in {finding.where}" for finding in found}), "masked"


def _events(log):
    """The event log without the SDK's debug messages."""
    kept = [json.loads(line) for line in log.read_text().splitlines()]
    return "\n".join(json.dumps(event) for event in kept if event.get("diagnosticEvent", {}).get("severity") != "debug")
