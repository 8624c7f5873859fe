"""Production, rehearsed: `make rehearse` as a person types it, then what must hold of the system that it leaves up."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from functools import cached_property

import pytest

from ctl import rehearse
from tests.rehearsal.conftest import ROOT, make

pytestmark = pytest.mark.docker
ASKED = rehearse.Rehearsal(preset="jett", environment="prod")


@dataclass
class Rehearsed:
    """The rehearsal that `make rehearse` left up.

    Attributes:
        said: What it said.
        code: How it ended.
        dirty: What git said of the checkout before and after.
    """

    said: str
    code: int
    dirty: tuple[str, str]

    @property
    def world(self) -> dict:
        """Where its clouds are; read anew, for they may have been started again."""
        return json.loads((ASKED.folder / "world" / "world.json").read_text())

    @cached_property
    def engine(self):
        """Pulumi, as `make rehearse-shell` gives it."""
        return rehearse.prepared(ASKED, self.world)

    def claims(self) -> dict[str, dict]:
        """The report of the claims, by name."""
        found = json.loads((ASKED.folder / "claims.json").read_text())
        return {one["name"]: one for one in found["claims"]}

    def hetzner(self, method: str, path: str) -> dict:
        """One call of the emulated API, past the program."""
        cloud = self.world["hcloud"]
        headers = {"Authorization": f"Bearer {cloud['token']}"}
        request = urllib.request.Request(f"{cloud['endpoint']}/{path}", headers=headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else {}


def _git() -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def rehearsed():
    before = _git()
    done = make("rehearse", timeout=2400)
    found = Rehearsed(done.stdout, done.returncode, (before, _git()))
    yield found
    make("rehearse-down", timeout=300)


@pytest.mark.req("S2-01", "S2-03", "P-09", "P-11", "P-12")
def test_one_update_from_nothing_to_every_claim(rehearsed):
    assert 0 == rehearsed.code, rehearsed.said[-6000:]
    failed = [f"{name}: {one}" for name, one in rehearsed.claims().items() if one["state"] != "passed"]

    assert [] == failed, "each claim is what production promises"
    assert len(rehearsed.claims()) >= 20, "the list is not the one this test is about"


def test_the_rehearsal_leaves_the_checkout_as_it_was(rehearsed):
    assert rehearsed.dirty[0] == rehearsed.dirty[1], "it works in a copy"


@pytest.mark.req("P-07")
def test_the_second_preview_is_empty_also_after_a_refresh(rehearsed):
    engine = rehearsed.engine

    engine.ask("preview", "--expect-no-changes")
    engine.ask("refresh", "--yes", "--skip-preview")
    assert engine.ask("preview", "--expect-no-changes"), "an update that never ends hides every real change"


@pytest.mark.req("P-08", "C-01")
def test_no_secret_is_in_plain_in_the_state(rehearsed):
    credentials = rehearsed.engine.outputs(secrets=True)
    values = {*credentials["credentials"].values(), *credentials["client_configs"].values()}
    state = "".join(path.read_text(errors="replace") for path in (ASKED.folder / "state").rglob("*") if path.is_file())

    assert len(values) > 5, "the secrets are not those this test is about"
    assert '"ciphertext"' in state, "this is a state"
    assert [] == [value[:4] for value in values if value in state], "encrypted, or not there"


@pytest.mark.req("D-12", "P-27")
def test_a_server_deleted_behind_our_back_comes_back_at_the_same_address(rehearsed):
    """Needs the tests above to have run: it takes the server away."""
    before = rehearsed.hetzner("GET", "servers")["servers"][0]
    rehearsed.hetzner("DELETE", f"servers/{before['id']}")
    end = time.monotonic() + 60
    while rehearsed.hetzner("GET", "servers")["servers"]:
        assert time.monotonic() < end, "the emulated cloud did not delete it"
        time.sleep(0.5)

    again = make("rehearse", timeout=2400)
    after = rehearsed.hetzner("GET", "servers")["servers"]

    assert 0 == again.returncode, again.stdout[-6000:]
    assert "is gone from Hetzner Cloud" in again.stdout, "the person is told that its data went with it"
    assert [before["public_net"]["ipv4"]["ip"]] == [one["public_net"]["ipv4"]["ip"] for one in after], (
        "one server, same address"
    )
    assert before["id"] != after[0]["id"], "another server"
