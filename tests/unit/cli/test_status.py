"""The table after `up`, and the credentials."""

import json
import subprocess
from types import SimpleNamespace
from typing import ClassVar

import pytest

from homeport.cli import app, credentials, daemon, output, status
from homeport.model.errors import ToolError

SERVICES = {
    "b": {"container": "b", "url": "", "access": "inside only"},
    "ai-n8n": {"container": "x-a", "url": "https://n8n.localhost:8443", "access": "through the proxy"},
}
DOORS = [
    {
        "service": "ai-n8n",
        "address": "https://n8n.localhost:8443",
        "logins": [
            {"asked_by": "the proxy", "user": "admin", "secret": "n8n-owner-password"},
            {"asked_by": "ai-n8n", "user": "owner@example.com", "secret": "n8n-owner-password"},
        ],
        "headers": [{"path": "/webhook/*", "header": "X-API-Key", "secret": "n8n-webhook-api-key"}],
    }
]
GOOD = {"Status": "running", "Health": {"Status": "healthy"}}
BAD = [
    {},
    {"Status": "exited"},
    {"Status": "restarting"},
    {"Status": "running", "Health": {"Status": "unhealthy"}},
    {"Status": "running", "Health": {"Status": "starting"}},
]


class Pulumi:
    """A stack with outputs, that notes whether secrets were asked for."""

    stack = SimpleNamespace(name="dev", preset="ai-orchestrator")
    past: ClassVar[list] = []

    def __init__(self, outputs):
        self._outputs, self.secrets = outputs, []

    def outputs(self, *, secrets=False):
        self.secrets.append(secrets)
        return self._outputs

    def daemons(self):
        return [{}]

    def last_change(self):
        return next(iter(self.past), {})


@pytest.fixture
def running(monkeypatch):
    """What Docker says of the stack's containers."""
    states = {"b": GOOD, "x-a": {"Status": "running"}}
    monkeypatch.setattr(
        daemon, "inspect", lambda _, names, __: [{"Name": f"/{name}", "State": states[name]} for name in names]
    )
    return states


@pytest.mark.usefixtures("running")
def test_every_service_has_a_row_with_state_health_address_and_access():
    current = status.status(Pulumi({"services": SERVICES}))

    assert current.healthy, "a service without a check is as well as it can say"
    assert [
        ("ai-n8n", "x-a", "running", "no check", "https://n8n.localhost:8443", "through the proxy"),
        ("b", "b", "running", "healthy", "-", "inside only"),
    ] == [(row.name, row.container, row.state, row.health, row.address, row.access) for row in current.services], (
        "in the order of their names"
    )


@pytest.mark.parametrize("state", BAD)
def test_what_is_not_well_is_said(running, state, capsys):
    running["x-a"] = state
    current = status.status(Pulumi({"services": SERVICES}))
    status.show(current)

    assert not current.healthy, "make status ends with 1"
    assert "not everything is healthy" in capsys.readouterr().err, "and says so"


def test_the_table_is_aligned_and_has_no_blanks_at_the_end_of_a_line(capsys):
    output.print_table(("one", "two"), [("a", "long one"), ("bb", "c")])

    assert ["ONE  TWO", "a    long one", "bb   c"] == capsys.readouterr().out.splitlines(), "as wide as it must be"


def test_a_wide_table_in_a_pipe_is_never_folded(capsys):
    output.print_table(("address",), [("x" * 300,)])

    assert "x" * 300 in capsys.readouterr().out, "a program reads it line by line"


@pytest.mark.usefixtures("running")
def test_the_status_is_one_json_document_of_one_shape(capsys):
    status.show(status.status(Pulumi({"services": SERVICES, "preset": "p", "environment": "dev"})), json=True)
    document = json.loads(capsys.readouterr().out)

    assert list(app.document_keys("status")) == list(document), "programs rely on these names"
    assert app.document_keys("status") == app.document_keys("up"), "up ends with the status"
    keys = {"name", "container", "state", "health", "address", "access", "words", "scheduled"}
    assert keys == set(document["services"][0])


@pytest.mark.req("OS-11")
def test_how_the_last_run_ended_is_said_of_what_runs_at_times_and_of_nothing_else():
    ill = {"Status": "running", "Health": {"Status": "unhealthy", "Log": [{"Output": "last run: ended with 1\n"}]}}
    declared = {"job": {"container": "job", "schedule": "@daily"}, "other": {"container": "other"}}
    job, other = status.services(declared, {"job": ill, "other": ill})

    assert ("unhealthy", "last run: ended with 1") == (job.health, job.words)
    assert (False, True) == (job.healthy, job.updated), "how its last run ended is no word on an update"
    assert "" == other.words, "the words of an image's own probe may hold a secret"


@pytest.mark.usefixtures("running")
def test_the_first_line_says_which_stack_that_is(capsys):
    status.show(status.status(Pulumi({"services": SERVICES, "preset": "p", "environment": "dev"})))

    assert "p in dev (stack dev)" == capsys.readouterr().out.splitlines()[0], "make status | head -1 shows it"


def test_a_secret_that_this_stack_does_without_has_no_row(capsys):
    pulumi = Pulumi({"credentials": {"redis-password": "canary", "key-of-a-section": ""}})

    assert 0 == credentials.show(pulumi, values=True)
    assert "key-of-a-section" not in capsys.readouterr().out, "an empty row looks like something lost"
    with pytest.raises(ToolError, match="there is no key-of-a-section; there are: redis-password"):
        credentials.print_one(pulumi, "key-of-a-section")


def test_credentials_are_shown_only_on_request(capsys):
    pulumi = Pulumi({"credentials": {"redis-password": "canary"}, "services": SERVICES})

    assert 0 == credentials.show(pulumi, values=False)
    assert [False] == pulumi.secrets, "what is not shown is not even asked for"
    assert "canary" not in capsys.readouterr().out

    assert 0 == credentials.show(pulumi, values=True)
    shown = capsys.readouterr()
    assert "redis-password  canary" in shown.out
    assert "pipe" in shown.err, "whoever redirects secrets is reminded"


@pytest.mark.parametrize("values", [False, True])
def test_credentials_as_json_hold_values_only_on_request(capsys, values):
    pulumi = Pulumi({"credentials": {"redis-password": "canary"}, "services": SERVICES, "doors": DOORS})

    assert 0 == credentials.show(pulumi, values=values, json=True)
    document = json.loads(capsys.readouterr().out)
    assert list(app.document_keys("credentials")) == list(document), "programs rely on these names"
    assert ({"redis-password": "canary"} if values else None) == document["credentials"], "the same rule as for people"
    assert DOORS == document["addresses"], "who asks there, and for what"


@pytest.mark.req("NW-01")
def test_connections_and_tokens_are_shown_with_the_secrets_that_make_them(capsys):
    made = {
        "connections": {"postgres": "postgresql://x"},
        "service_tokens": {"n8n": {"client_id": "i", "client_secret": "s"}},
    }
    pulumi = Pulumi({"credentials": {"a": "b"}, "services": SERVICES, **made})

    assert 0 == credentials.show(pulumi, values=True)
    shown = capsys.readouterr().out.split()
    assert ["a", "b", "connection-postgres", "postgresql://x", "service-token-n8n-id", "i"] == shown[-8:-2], shown
    assert 0 == credentials.print_one(pulumi, "service-token-n8n-secret")
    assert "s\n" == capsys.readouterr().out, "a program's token is to be had like any other secret"


@pytest.mark.req("NW-01")
def test_each_address_says_who_asks_for_which_user_and_password_and_in_which_order(capsys):
    credentials.show(Pulumi({"credentials": {"a": "b"}, "services": SERVICES, "doors": DOORS}), values=False)

    assert [
        "ai-n8n: https://n8n.localhost:8443",
        "  1. the proxy asks for user admin and the password n8n-owner-password",
        "  2. ai-n8n asks for user owner@example.com and the password n8n-owner-password",
        "  programs send X-API-Key with the secret n8n-webhook-api-key to /webhook/*",
    ] == capsys.readouterr().out.splitlines()[:4], "nobody has to guess a user"


def test_a_login_without_a_password_of_the_stacks_says_so(capsys):
    login = {"asked_by": "Cloudflare Access", "user": "jo@example.com, by a code by mail", "secret": ""}
    door = {"service": "n8n", "address": "https://n8n.example.com", "logins": [login], "headers": []}
    credentials.show(Pulumi({"credentials": {"a": "b"}, "services": {}, "doors": [door]}), values=False)

    assert "Cloudflare Access asks for user jo@example.com, by a code by mail and no password of this stack" in (
        capsys.readouterr().out
    ), "people sign in there with their own address"


def test_a_secret_that_is_not_there_is_refused_with_those_that_are(capsys):
    pulumi = Pulumi({"credentials": {"redis-password": "canary"}})

    assert 0 == credentials.print_one(pulumi, "redis-password")
    assert "canary\n" == capsys.readouterr().out, "the value and nothing else"
    with pytest.raises(credentials.ToolError, match="there is no nope; there are: redis-password"):
        credentials.print_one(pulumi, "nope")


def test_a_stack_that_was_never_up_says_so(capsys, monkeypatch):
    monkeypatch.setattr(daemon, "inspect", lambda *_: pytest.fail("there is nothing to inspect"))
    current = status.status(Pulumi({}))
    status.show(current)

    assert not current.healthy
    assert "make up STACK=dev" in capsys.readouterr().out


@pytest.mark.req("NW-15")
@pytest.mark.parametrize(
    ("past", "says"),
    [
        ([{"kind": "destroy", "result": "succeeded", "endTime": "2026-11-29T01:00:00Z"}], "taken down at 2026-11-29"),
        ([{"kind": "destroy", "result": "failed", "endTime": "2026-11-29T01:00:00Z"}], "no update of it has ended"),
        ([{"kind": "update", "result": "failed", "endTime": "2026-11-29T01:00:00Z"}], "no update of it has ended"),
    ],
)
def test_a_stack_that_was_taken_down_says_that(capsys, past, says):
    pulumi = Pulumi({})
    pulumi.past = past
    status.show(status.status(pulumi))

    assert says in capsys.readouterr().out
    assert 1 == credentials.show(pulumi, values=False)
    assert ("taken down at" in says) == (says in capsys.readouterr().out), "the same answer, whoever asks"


def test_what_an_update_has_disturbed_is_waited_for_by_its_gates_time(monkeypatch):
    pulumi = Pulumi({})
    needy = SimpleNamespace(name="app", needs=("db",))
    blueprint = SimpleNamespace(services=(needy, SimpleNamespace(name="db", needs=())))
    pulumi.stack = SimpleNamespace(name="dev", plan=SimpleNamespace(blueprint=blueprint))
    gate = {"type": "command:local:Command", "inputs": {"create": "sh components/scripts/gate.sh x-app 64 120"}}
    pulumi.state = lambda: {"resources": [gate]}
    declared = {name: {"container": f"x-{name}", "url": "", "access": ""} for name in ("app", "db")}
    clock = [0.0]
    monkeypatch.setattr(status.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(status.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))

    def seen(app, db):
        states = {"x-app": {"Status": "running", "Health": {"Status": app}}, "x-db": {**GOOD, "Health": {"Status": db}}}
        rows = status.services(declared, states)
        return status.Status(stack="dev", preset="p", environment="dev", services=rows, skipped=(), next_steps=())

    monkeypatch.setattr(status, "status", lambda _: seen("healthy" if clock[0] >= 60 else "unhealthy", "healthy"))
    assert status.recovered(pulumi, seen("unhealthy", "healthy")).healthy, "what recovers by itself is no failure"
    assert 60 <= clock[0] < 62, "and nothing is waited for beyond that"

    clock[0] = 0.0
    monkeypatch.setattr(status, "status", lambda _: seen("unhealthy", "healthy"))
    assert not status.recovered(pulumi, seen("unhealthy", "healthy")).healthy
    assert 120 <= clock[0] < 122, "its gate's time, and no longer"

    clock[0] = 0.0
    assert not status.recovered(pulumi, seen("healthy", "unhealthy")).healthy
    assert 0 == clock[0], "what needs nobody was disturbed by nobody"


@pytest.mark.req("NW-14")
def test_a_docker_that_does_not_answer_is_said_and_nothing_is_called_gone(monkeypatch):
    complaint = b"Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
    monkeypatch.setattr(daemon, "raw", lambda *argv, **_: subprocess.CompletedProcess(argv, 1, b"[]", complaint))

    with pytest.raises(ToolError, match="Docker does not answer: Cannot connect") as refused:
        status.status(Pulumi({"services": SERVICES}))
    assert "fix: " in str(refused.value)


def test_a_container_that_is_not_there_is_no_silence(monkeypatch):
    answer = subprocess.CompletedProcess((), 1, b"[]", b"Error: No such container: b\n")
    monkeypatch.setattr(daemon, "raw", lambda *_, **__: answer)

    assert {"gone"} == {service.state for service in status.status(Pulumi({"services": SERVICES})).services}


@pytest.mark.req("NW-04")
def test_what_is_not_well_comes_with_what_helps_it(running, capsys):
    running["x-a"] = {"Status": "exited"}
    running["b"] = BAD[3]
    status.show(status.status(Pulumi({"services": SERVICES})))
    said = capsys.readouterr().err

    assert "make up STACK=dev puts x-a back" in said, said
    assert "docker logs --tail 50 b shows why" in said, "the container is named, no placeholder"


def test_while_docker_waits_the_container_is_asked_by_its_own_probe(running, monkeypatch):
    running["x-a"] = BAD[4]
    asked = []

    def inspect(_, names, __):
        test = {"Config": {"Healthcheck": {"Test": ["CMD", "probe"]}}}
        return [{"Name": f"/{name}", "Id": name, "State": running[name], **test} for name in names]

    def run(*argv, **_):
        asked.append(argv)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(daemon, "inspect", inspect)
    monkeypatch.setattr(daemon, "run", run)

    assert status.status(Pulumi({"services": SERVICES})).healthy, "Docker's first look comes a whole interval later"
    assert [("exec", "x-a", "probe")] == asked
