"""A resource type of the bridge and what happens to it between the steps: nothing that exists is ever lost."""

# ruff: noqa: A002, ARG002  (the interface has these arguments)

from __future__ import annotations

import pytest

from toolchain.plugins.base import InitError, ProviderError
from toolchain.plugins.tfbridge.errors import RemoteError, after_creation
from toolchain.plugins.tfbridge.framework import FrameworkType
from toolchain.plugins.tfbridge.resource import SdkType
from toolchain.plugins.tfbridge.schema import number, text

URN = "urn:pulumi:dev::p::t:index/box:Box::b"
SCHEMA = {"name": text(computed=True), "size": number(required=True), "room": text(computed=True, is_input=False)}
INPUTS = {"name": "mine", "size": 1, "__defaults": []}
STATE = {"name": "mine", "size": 1, "room": "attic", "id": "7"}


class RefusedError(RemoteError):
    def __init__(self, message, *, gone=False):
        super().__init__(message)
        self._gone = gone

    @property
    def gone(self):
        return self._gone


class Remote:
    """What the resource lives on; `failures` has a refusal for each step that shall fail."""

    def __init__(self, **failures):
        self.failures, self.steps = failures, []

    def step(self, name):
        self.steps.append(name)
        if name in self.failures:
            raise self.failures[name]

    def look(self, id, state):
        self.step("look")
        return {"name": "mine", "size": state["size"], "room": "attic"}

    def remove(self, id, state):
        self.step("remove")


class SdkBox(Remote, SdkType):
    schema, autoname = SCHEMA, True

    def make(self, plan, news):
        self.step("make")
        with after_creation("7"):
            self.step("finish")
        return "7"

    def apply(self, urn, id, old_state, plan, news):
        self.step("apply")
        return {**plan, "id": id}


class FrameworkBox(Remote, FrameworkType):
    schema, autoname = SCHEMA, True

    def make(self, plan):
        self.step("make")
        return "7", None

    def change(self, id, old, plan):
        self.step("apply")


KINDS = pytest.mark.parametrize("kind", [SdkBox, FrameworkBox])


def create(box):
    return box.create(URN, INPUTS, preview=False, timeout=0)


@KINDS
def test_a_creation_is_read_back_and_a_preview_touches_nothing(kind):
    box = kind()
    box.create(URN, INPUTS, preview=True, timeout=0)
    box.update(URN, "7", STATE, INPUTS, {**INPUTS, "size": 2}, preview=True, timeout=0)
    assert [] == box.steps
    assert ("7", STATE) == create(box)


@KINDS
def test_what_was_refused_before_it_had_an_id_is_no_resource(kind):
    with pytest.raises(ProviderError, match="no room"):
        create(kind(make=RefusedError("no room")))


@KINDS
def test_what_cannot_be_read_back_after_its_creation_stays_in_the_state(kind):
    with pytest.raises(InitError, match="no answer") as failed:
        create(kind(look=RefusedError("no answer")))
    assert ("7", "7", 1) == (failed.value.id, failed.value.state["id"], failed.value.state["size"]), (
        "else the next update would create a second one"
    )


def test_what_fails_after_the_creation_itself_stays_in_the_state():
    with pytest.raises(InitError) as failed:
        create(SdkBox(finish=RefusedError("the disk is full")))
    assert f"creating {URN}: 1 error occurred:\n\t* the disk is full\n\n" == str(failed.value), "in the bridge's words"
    assert "7" == failed.value.id


@KINDS
@pytest.mark.parametrize("step", ["look", "remove"])
def test_a_refusal_is_no_sign_that_a_resource_is_gone(kind, step):
    box = kind(**{step: RefusedError("no answer")})
    calls = {
        "look": lambda: box.read(URN, "7", STATE, INPUTS),
        "remove": lambda: box.delete(URN, "7", STATE, timeout=0),
    }
    with pytest.raises(ProviderError, match="no answer") as refused:
        calls[step]()
    verb = {"look": "refreshing", "remove": "deleting"}[step]
    assert (kind is SdkBox) == str(refused.value).startswith(f"{verb} {URN}: 1 error occurred:"), (
        "the framework's own words have no frame"
    )


@KINDS
def test_what_is_gone_already_needs_no_removal(kind):
    box = kind(remove=RefusedError("there is none", gone=True))
    box.delete(URN, "7", STATE, timeout=0)
    assert ["remove"] == box.steps


@KINDS
def test_a_name_of_ones_own_choice_is_freed_before_it_is_taken_again(kind):
    replaced = {**SCHEMA, "size": number(required=True, force_new=True)}
    box = type("Replaced", (kind,), {"schema": replaced})()
    for defaults, first in (([], True), (["name"], False)):
        diff = box.diff(URN, "7", STATE, INPUTS, {**INPUTS, "size": 2, "__defaults": defaults})
        assert (["size"], first) == (list(diff.replaces), diff.delete_before_replace), (
            "two of one name cannot be there at once; an automatic name is another each time"
        )
