"""Production, rehearsed: `make rehearse` as a person types it, then what must hold of the system that it leaves up."""

from __future__ import annotations

import pytest

from tests.rehearsal.production import ASKED

pytestmark = pytest.mark.docker


@pytest.mark.req("S2-01", "S2-03", "P-09", "P-11", "P-12")
def test_one_update_from_nothing_to_every_claim(rehearsed):
    if not rehearsed.said:
        pytest.skip("HOMEPORT_REHEARSED=1: not from nothing")
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
