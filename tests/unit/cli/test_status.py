"""The table after `up`."""

from types import SimpleNamespace

import pytest

from homeport.cli import daemon, status

SERVICES = {
    "b": {"container": "b", "url": "", "access": "inside only"},
    "a": {"container": "x-a", "url": "https://n8n.localhost:8443", "access": "through the proxy"},
}
GOOD = {"Status": "running", "Health": {"Status": "healthy"}}


def test_every_service_has_a_row_with_state_health_address_and_access():
    rows, healthy = status.table(SERVICES, {"b": GOOD, "x-a": {"Status": "running"}})

    assert healthy, "a service without a check is as well as it can say"
    assert [
        ("a", "x-a", "running", "no check", "https://n8n.localhost:8443", "through the proxy"),
        ("b", "b", "running", "healthy", "-", "inside only"),
    ] == rows, "in the order of their names"


@pytest.mark.parametrize(
    "state",
    [{}, {"Status": "exited"}, {"Status": "restarting"}, {"Status": "running", "Health": {"Status": "unhealthy"}}, {"Status": "running", "Health": {"Status": "starting"}}],
)  # fmt: skip
def test_what_is_not_well_is_said(state):
    _, healthy = status.table(SERVICES, {"b": GOOD, "x-a": state})

    assert not healthy, "make status ends with 1"


def test_the_table_is_aligned():
    lines = status.lines([("a", "long one"), ("bb", "c")], ("one", "two"))

    assert ["ONE  TWO", "a    long one", "bb   c"] == lines, "each column is as wide as it must be"


class Engine:
    """An engine with outputs, that notes whether secrets were asked for."""

    stack = SimpleNamespace(name="dev")

    def __init__(self, outputs):
        self.said, self.secrets = outputs, []

    def outputs(self, *, secrets=False):
        self.secrets.append(secrets)
        return self.said


def test_credentials_are_shown_only_on_request(capsys):
    engine = Engine({"credentials": {"redis-password": "canary"}, "services": SERVICES})

    assert 0 == status.credentials(engine, shown=False)
    assert [False] == engine.secrets, "what is not shown is not even asked for"
    assert "canary" not in capsys.readouterr().out

    assert 0 == status.credentials(engine, shown=True)
    said = capsys.readouterr()
    assert "redis-password  canary" in said.out
    assert "pipe" in said.err, "whoever redirects secrets is reminded"


def test_a_stack_that_was_never_up_says_so(capsys, monkeypatch):
    monkeypatch.setattr(daemon, "inspect", lambda *_: pytest.fail("there is nothing to inspect"))

    assert not status.show(Engine({}))
    assert "make up STACK=dev" in capsys.readouterr().out
