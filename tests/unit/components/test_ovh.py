"""The client of OVH's zones, against the emulated OVH that OVH's own SDK has been tried on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from components.scripts import ovh
from tests.support.checkout import ROOT
from tests.support.ovh import APPLICATION, CONSUMER, SECRET, ZONE, Ovh

KEYS = (APPLICATION, SECRET, CONSUMER)
HOOK = ("A", "hook.example.com")


@pytest.fixture
def cloud():
    made = Ovh()
    yield made
    made.close()


@pytest.fixture
def run(cloud, monkeypatch, capsys):
    """Runs a verb in this process; what it says, after it has ended as expected."""
    monkeypatch.setattr(ovh, "_PAUSE", 0.01)

    def verb(verb, *words, keys=KEYS, zone=ZONE, again=False, fails=0):
        flags = [word for word in words if word.startswith("--")]
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(keys) + "\n"))
        monkeypatch.delenv("PULUMI_COMMAND_STDOUT", raising=False)
        if again:
            monkeypatch.setenv("PULUMI_COMMAND_STDOUT", "")
        code = ovh.main([verb, *flags, cloud.server.url, zone, *(word for word in words if word not in flags)])
        said = capsys.readouterr()
        assert fails == code, said
        assert not any(key in said.out + said.err for key in (SECRET, CONSUMER)), "no secret is told"
        return said.err if fails else said.out

    return verb


def shown(cloud):
    return sorted((row["fieldType"], row["subDomain"], row["target"], row["ttl"]) for row in cloud.store.of_zone(ZONE))


@pytest.mark.req("FP-22")
@pytest.mark.req("S5-64")
def test_a_record_set_is_made_changed_and_deleted_and_each_time_served(cloud, run):
    run("set", *HOOK, "300", "198.51.100.7")
    assert [("A", "hook", "198.51.100.7", 300)] == shown(cloud)
    row = next(iter(cloud.store.all("records")))
    run("set", *HOOK, "300", "198.51.100.8", again=True)
    assert [("A", "hook", "198.51.100.8", 300)] == shown(cloud)
    assert [row] == list(cloud.store.all("records")), "changed in place: at no time was the name without a record"
    assert cloud.store.deployed(ZONE), "the name servers have been told"
    run("set", *HOOK, "600", "198.51.100.8", "198.51.100.9", again=True)
    assert [("A", "hook", "198.51.100.8", 600), ("A", "hook", "198.51.100.9", 600)] == shown(cloud)
    run("delete", *HOOK)
    assert [] == shown(cloud)
    assert cloud.store.deployed(ZONE)


@pytest.mark.req("FP-22")
def test_once_more_changes_nothing_and_a_dry_run_nothing_at_all(cloud, run):
    said = run("set", "--dry-run", *HOOK, "300", "198.51.100.7")
    assert ("create A hook.example.com 198.51.100.7\n", [], []) == (
        said,
        shown(cloud),
        cloud.calls("POST", "PUT", "DELETE"),
    )
    run("set", *HOOK, "300", "198.51.100.7")
    cloud.control("DELETE", "/journal")
    run("set", *HOOK, "300", "198.51.100.7")
    assert ["POST /refresh"] == cloud.calls("POST", "PUT", "DELETE"), "a killed run may have left it unserved"
    assert "delete A hook" in run("delete", "--dry-run", *HOOK)
    assert 1 == len(shown(cloud))
    run("delete", *HOOK)
    run("delete", *HOOK)


@pytest.mark.req("FP-22")
def test_it_touches_its_own_record_set_alone(cloud, run):
    client = cloud.client()
    for name, kind, target in (("hook", "AAAA", "2001:db8::1"), ("hook2", "A", "192.0.2.1"), ("", "A", "192.0.2.2")):
        client.post(f"/domain/zone/{ZONE}/record", fieldType=kind, subDomain=name, target=target)
    before = shown(cloud)
    run("set", *HOOK, "300", "198.51.100.7")
    run("set", "A", ZONE, "300", "192.0.2.2")
    run("delete", *HOOK)
    assert [(*row[:3], 300) if row[1] == "" else row for row in before] == shown(cloud)


def test_a_record_of_somebody_else_is_refused_when_it_is_made_first(cloud, run):
    cloud.client().post(f"/domain/zone/{ZONE}/record", fieldType="A", subDomain="hook", target="192.0.2.1")
    said = run("set", *HOOK, "300", "198.51.100.7", fails=1)
    assert "somebody else, which leads to 192.0.2.1\n  fix: delete it" in said
    assert [("A", "hook", "192.0.2.1", 0)] == shown(cloud)
    run("set", *HOOK, "300", "198.51.100.7", again=True)
    assert [("A", "hook", "198.51.100.7", 300)] == shown(cloud), "what was ours and was changed by hand is put right"


@pytest.mark.parametrize("kind", ["lost", "reset", "truncated"])
@pytest.mark.parametrize("call", ["POST /record$", "POST /refresh$", "GET /auth/time"])
def test_an_answer_that_is_lost_makes_no_second_record(cloud, run, kind, call):
    method, _, path = call.partition(" ")
    cloud.control("POST", "/faults", {"kind": kind, "method": method, "path": path})
    run("set", *HOOK, "300", "198.51.100.7")
    assert [("A", "hook", "198.51.100.7", 300)] == shown(cloud)
    assert cloud.store.deployed(ZONE)


def test_a_refresh_under_way_is_waited_for(cloud, run):
    cloud.control("POST", "/faults", {"kind": "status", "status": 409, "path": "/refresh$", "message": "pending"})
    run("set", *HOOK, "300", "198.51.100.7")
    assert cloud.store.deployed(ZONE)


def test_it_goes_by_the_clock_of_ovh(cloud, run):
    cloud.control("POST", "/clock", {"advance": 86_400})
    run("set", *HOOK, "300", "198.51.100.7")
    assert 1 == len(shown(cloud))


def test_it_tells_what_is_there(run):
    run("set", *HOOK, "300", "198.51.100.7")
    said = json.loads(run("look", *HOOK, "A", "other.example.com"))
    assert {"A hook.example.com": ["198.51.100.7 300"], "A other.example.com": []} == said


@pytest.mark.parametrize(
    ("keys", "zone", "words"),
    [
        (KEYS, "example.org", "the account has no zone example.org"),
        ((APPLICATION, SECRET, "key-that-reads"), ZONE, "may not POST /domain/zone/example.com/record, PUT"),
        ((APPLICATION, SECRET, "key-not-validated"), ZONE, "This credential is not valid"),
        ((APPLICATION, "another", CONSUMER), ZONE, "Invalid signature"),
        (("another", SECRET, CONSUMER), ZONE, "This application key is invalid"),
        ((APPLICATION, SECRET, ""), ZONE, "OVH's consumer key is missing"),
    ],
)
def test_keys_and_zone_are_looked_at_beforehand(run, keys, zone, words):
    assert {"zone": ZONE} == json.loads(run("check"))
    said = run("check", keys=keys, zone=zone, fails=1)
    assert words in said
    assert "\n  fix: " in said


def test_a_name_of_another_zone_and_words_that_are_none_are_refused(run):
    assert "is not in the zone" in run("set", "A", "hook.example.org", "300", "198.51.100.7", fails=1)
    assert "no such words" in run("paint", fails=2)


def test_the_command_runs_it_and_hands_it_the_keys_on_standard_input(cloud):
    done = subprocess.run(
        ["sh", "components/scripts/ovh.sh", "set", cloud.server.url, ZONE, *HOOK, "300", "198.51.100.7"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOMEPORT_PYTHON": sys.executable},
        input="\n".join(KEYS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, 1) == (done.returncode, len(shown(cloud))), done.stderr
