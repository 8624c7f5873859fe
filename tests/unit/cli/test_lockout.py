"""Settings that would close the cloud's firewall to the machine that asks for them."""

from types import SimpleNamespace

import pytest

from homeport.cli import lockout
from homeport.model.errors import ToolError
from homeport.settings.vpn import Ssh

HERE = {"HOMEPORT_SSH": "deploy@203.0.113.7", "HOMEPORT_SSH_PORT": "22"}


def engine(**ssh):
    plan = SimpleNamespace(settings=SimpleNamespace(ssh=Ssh(**ssh)))
    return SimpleNamespace(stack=SimpleNamespace(name="prod", plan=plan), daemons=lambda: [HERE])


@pytest.fixture
def seen(monkeypatch):
    def answer(address):
        monkeypatch.setattr(lockout, "seen_as", lambda _: address)

    return answer


@pytest.mark.req("A-06")
def test_sources_without_this_machine_are_refused_with_its_address(seen):
    seen("198.51.100.9")

    with pytest.raises(ToolError, match="would lock you out") as refusal:
        lockout.refuse_lockout(engine(sources=["203.0.113.0/24", "192.0.2.1/32"]))

    assert "198.51.100.9/32" in str(refusal.value), "the command that fixes it names the address that is missing"


@pytest.mark.parametrize(
    ("address", "ssh"),
    [
        ("203.0.113.200", {"sources": ["192.0.2.1/32", "203.0.113.0/24"]}),
        ("198.51.100.9", {}),
        ("198.51.100.9", {"reach": "vpn", "sources": ["192.0.2.1/32"]}),
        ("", {"sources": ["192.0.2.1/32"]}),
    ],
    ids=["one of them", "everybody may", "by the VPN", "it does not answer"],
)
def test_what_keeps_this_machine_in_is_let_through(seen, address, ssh):
    seen(address)

    assert lockout.refuse_lockout(engine(**ssh)) is None, "only a certain lock-out is refused"


def test_an_address_of_the_other_family_is_not_among_them(seen):
    seen("2001:db8::9")

    with pytest.raises(ToolError):
        lockout.refuse_lockout(engine(sources=["203.0.113.0/24"]))
