"""Every configuration below tests/cases/plan, planned as the program does it: refused or accepted as its file says."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from homeport.model.errors import ProblemsError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.support.fixes import applied

CASES = Path(__file__).parents[2] / "cases" / "plan"
TODAY = date(2026, 11, 29)


def cases(kind):
    return pytest.mark.parametrize("path", sorted(CASES.glob(f"{kind}-*.json")), ids=lambda path: path.stem)


def planned(case, settings=None):
    values = {"homeport:preset": case["preset"], "homeport:settings": json.dumps(settings or case["settings"])}
    wants_secrets = any(where.startswith("homeport:") and "settings" not in where for where, _ in case["expect"])
    return resolve(Configuration(case["stack"], values), today=TODAY, sealed=not wants_secrets)


def refusal(case, settings=None):
    with pytest.raises(ProblemsError) as refused:
        planned(case, settings)
    return refused.value.problems


@pytest.mark.req(
    "A-05",
    "CA-02",
    "CA-03",
    "CA-06",
    "CA-08",
    "RW-09",
    "CF-01",
    "CF-02",
    "CF-04",
    "CF-05",
    "CF-06",
    "CF-07",
    "CF-08",
    "CF-12",
    "CF-16",
    "NW-19",
)
@cases("refused")
def test_what_contradicts_itself_is_refused_at_its_place(path):
    case = json.loads(path.read_text())
    problems = refusal(case)

    assert sorted(where for where, _ in case["expect"]) == [problem.path for problem in problems], case["because"]
    for (_, words), problem in zip(sorted(case["expect"]), problems, strict=True):
        assert words in problem.what, case["because"]


@cases("accepted")
def test_what_holds_together_is_accepted(path):
    case = json.loads(path.read_text())

    assert case["preset"] == planned(case).blueprint.preset, case["because"]


@pytest.mark.req("NW-18")
@cases("refused")
def test_what_a_refusal_suggests_is_valid(path):
    case = json.loads(path.read_text())
    settings = case["settings"]
    for _ in case["expect"]:
        try:
            planned({**case, "expect": []}, settings)
        except ProblemsError as refused:
            tried = [applied(settings, problem.fix) for problem in refused.problems]
        else:
            return
        usable = [one for one in tried if one is not None and one != settings]
        if not usable:
            return  # a person fills it in
        settings = usable[0]
    planned({**case, "expect": []}, settings)


@pytest.mark.req("NW-06")
def test_a_member_of_the_users_stands_beside_the_presets_own():
    case = json.loads((CASES / "accepted-peer-beside.json").read_text())
    blueprint = planned(case).blueprint

    assert ["local", "laptop"] == [peer.name for peer in blueprint.vpn.peers]
    assert "10.0.0.1" == blueprint.texts()["peer:local"], "the dashboard and the queue still lead to it"


@pytest.mark.req("CF-12")
def test_a_mail_address_keeps_the_case_before_its_sign_and_has_none_after_it():
    case = json.loads((CASES / "accepted-mail-addresses.json").read_text())

    assert "Jane@example.com" == planned(case).settings.access.emails[1]


KEY = "hosts.main.host_key"
WAIVER = {"placeholders": {"reason": "only tried, nobody is to come", "expires": "2026-12-31"}}


@pytest.mark.req("NW-02")
@pytest.mark.parametrize(
    ("settings", "paths"),
    [
        ({}, ["domain", "hosts.main.address", KEY]),
        ({"acme_email": "admin@example.com"}, ["acme_email", "domain", "hosts.main.address", KEY]),
        ({"domain": "our.dev", "hostnames": {"n8n": "n8n.example.org"}}, ["hostnames.n8n", "hosts.main.address", KEY]),
        ({"domain": "our.dev", "ssh": {"sources": ["2001:db8::/48"]}}, ["hosts.main.address", KEY, "ssh.sources[0]"]),
    ],
)
def test_placeholders_are_refused_by_name_outside_of_dev(settings, paths):
    case = json.loads((CASES / "refused-ssh-on-edge.json").read_text())
    whole = {**case["settings"], "ssh": {}, **settings}
    values = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(whole)}
    with pytest.raises(ProblemsError) as refused:
        resolve(Configuration("prod", values), today=TODAY)

    assert [f"homeport:settings.{path}" for path in paths] == [problem.path for problem in refused.value.problems]
    rehearsed = {**values, "hcloud:endpoint": "http://127.0.0.1:8000/v1"}
    resolve(Configuration("prod", rehearsed), today=TODAY)
    waived = {**values, "homeport:settings": json.dumps({**whole, "waivers": WAIVER})}
    assert resolve(Configuration("prod", waived), today=TODAY), "a stack that is only tried"


@pytest.mark.parametrize("mode", [["local"], {"local": "local"}, 7, None])
def test_a_mode_that_is_no_word_is_refused_beside_the_placeholders(mode):
    case = json.loads((CASES / "refused-ssh-on-edge.json").read_text())
    whole = {**case["settings"], "ssh": {}, "hosts": {"main": {"mode": mode}}}
    values = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps(whole)}
    with pytest.raises(ProblemsError) as refused:
        resolve(Configuration("prod", values), today=TODAY)

    assert "homeport:settings.hosts.main.mode" in {problem.path for problem in refused.value.problems}


@pytest.mark.req("CF-11")
@pytest.mark.parametrize(
    "url", ["http://192.0.2.7/v1", "https://169.254.169.254/v1", "https://user:CANARY@127.0.0.1/v1", "ftp://127.0.0.1"]
)
def test_the_clouds_tokens_go_to_no_address_that_a_url_may_not_be(url):
    values = {"homeport:preset": "ai-orchestrator", "homeport:settings": "{}", "hcloud:endpoint": url}
    with pytest.raises(ProblemsError, match="hcloud:endpoint: must") as refused:
        resolve(Configuration("dev", values), today=TODAY)

    assert "CANARY" not in str(refused.value)
