"""Production, rehearsed: `make rehearse` as a person types it, then what must hold of the system that it leaves up."""

from __future__ import annotations

import pytest

from tests.support.production import ASKED

pytestmark = pytest.mark.docker


@pytest.mark.req("S2-01", "S2-03", "P-09", "P-11", "P-12", "O-07")
def test_one_update_from_nothing_to_every_claim(rehearsed):
    if not rehearsed.said:
        pytest.skip("HOMEPORT_REHEARSED=1: not from nothing")
    assert 0 == rehearsed.code, rehearsed.said[-6000:]
    failed = [f"{name}: {one}" for name, one in rehearsed.claims().items() if one["state"] != "passed"]

    assert [] == failed, "each claim is what production promises"
    assert len(rehearsed.claims()) >= 20, "the list is not the one this test is about"


def test_services_of_the_users_own_are_claimed_like_all_others(rehearsed):
    """One with a public name and a volume, one for members of the VPN with a database and a secret."""
    seen = {name: claim["got"] for name, claim in rehearsed.claims().items()}

    assert "'hello /': {'nobody': 'through'" in seen["doors"], seen["doors"]
    assert "'notes': ['10.0.0.2:8100->8100/tcp']" in seen["bound-to-wg-ip"]
    assert "8100: 'open'" in seen["services-in-the-vpn"], "a member of the VPN reaches it"
    for name in ("only-declared-services", "caps-dropped", "read-only-roots", "limits", "named-volumes", "non-root"):
        assert name in seen
    for name in ("only-declared-services", "caps-dropped", "read-only-roots", "limits", "networks-as-described"):
        assert "'hello'" in seen[name] and "'notes'" in seen[name], name
    assert {"notes-notes-key", "notes-database-password"} <= rehearsed.outputs["credentials"].keys()


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


FLOWS = {
    ("main-server", "publicNets"): "main-ip",
    ("main-server", "firewallIds"): "main-firewall",
    ("docker", "host"): "main-ip",
    ("wireguard-wg0-files", "stdin"): "wireguard-server-1",
    ("database-jett-roles", "stdin"): "secrets-jett-app-password",
    ("n8n-container", "image"): "images-n8n",
    ("n8n-container", "networkMode"): "networks-jett_apps",
    ("tunnel-service-files", "stdin"): "tunnel-tunnel",
    ("tunnel-service-files", "environment"): "main-ip",
    ("access-n8n", "policies"): "access-people",
    ("dns-n8n", "content"): "tunnel-tunnel",
}
"""A property of one layer's resource, and the resource of another layer whose output it is made of."""


@pytest.mark.req("S2-51")
def test_the_tables_are_made_once_postgres_is_healthy(rehearsed):
    """By the state: each resource waits for those before it."""
    state = rehearsed.engine.state()["resources"]
    before = {
        one["urn"].split("::")[-1]: {made.split("::")[-1] for made in one.get("dependencies", ())} for one in state
    }
    waits_for, new = set(), {"database-jett-schema"}
    while new:
        waits_for |= new
        new = set().union(*(before[one] for one in new)) - waits_for

    assert {"postgres-healthy", "database-jett-roles", "database-jett-database"} <= waits_for, waits_for


@pytest.mark.req("P-04")
def test_what_a_layer_is_given_by_another_comes_through_the_graph(rehearsed):
    """By the state: an address, id or password that somebody copied would be a constant there."""
    state = rehearsed.engine.state()["resources"]
    found = {
        (one["urn"].split("::")[-1], name): {given.split("::")[-1] for given in made_of}
        for one in state
        for name, made_of in (one.get("propertyDependencies") or {}).items()
    }

    assert {} == {where: found.get(where) for where, given in FLOWS.items() if given not in found.get(where, ())}
