"""What the claim on names for members makes of a proxy's answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rehearsal.claims import mesh
from rehearsal.claims.expected import ExpectedDoor, ExpectedRoute, expected
from rehearsal.claims.run import check
from tests.unit.rehearsal_claims.described import Host

CLAIM = {claim.name: claim for claim in mesh.CLAIMS}["names-for-members"]
DOORS = (ExpectedDoor(kind="members"),)


class Meshed(Host):
    """A host with a page whose health address is known and one without, and a proxy that answers as a test says."""

    def __init__(self, member=lambda _: 200, stranger=lambda _: 403):
        routes = {
            "app": ExpectedRoute(doors=DOORS, service="app", probe="/healthz"),
            "plain": ExpectedRoute(doors=DOORS, service="plain"),
        }
        super().__init__(replace(expected("jett"), routes=routes))
        self.name, self.mesh = "ai", {"ai": "100.64.0.1", "hub": "100.64.0.2"}
        self._member, self._stranger = member, stranger

    def visit(self, *_, **headers):
        return {"status": self._stranger(headers)}

    def visit_as_member(self, hostname, path="/"):
        return {"status": self._member(f"{hostname}{path}")}


def answering(url, status):
    return lambda asked: status if asked == url else 200


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "passed"),
        ({"stranger": lambda headers: 200 if headers else 403}, "failed"),
        ({"stranger": lambda _: 502}, "failed"),
        ({"member": lambda _: 403}, "failed"),
        *(({"member": answering("app.example.com/healthz", each)}, "failed") for each in (0, 302, 404, 502)),
        ({"member": answering("app.example.com/", 404)}, "passed"),  # its health is asked, not its page
        *(({"member": answering("plain.example.com/", each)}, "failed") for each in (0, 403, 502, 503, 504)),
        *(({"member": answering("plain.example.com/", each)}, "passed") for each in (302, 401, 404)),
    ],
)
def test_strangers_get_403_and_members_an_answer_of_a_service_that_works(changed, state):
    result = check(CLAIM, Meshed(**changed))
    assert state == result.state, f"expected {result.expected} got {result.got}"


def test_the_picture_in_which_it_does_not_hold_is_refused():
    assert "refused" == check(CLAIM, Meshed()).control
