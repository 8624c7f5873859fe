"""Doors and areas: what has which application, and what is refused before anything is registered."""

from __future__ import annotations

import re

import pytest

from homeport.model.access import Area, People, PublicHostname, problems
from homeport.model.route import Guard

LOGIN = Guard(kind="login", because="people")
ADA = People(emails=("ada@example.com",))


def door(*guards, **more):
    return PublicHostname(
        **{"name": "n8n", "hostname": "n8n.example.com", "origin": "http://10.0.0.2:5678", "guards": guards} | more
    )


def said(*doors, people=ADA):
    return [problem.what for problem in problems(doors, people)]


def test_each_path_has_a_key_of_its_own_that_does_not_depend_on_the_others():
    guards = (Guard(kind="closed", because="b", paths=("/a/*", "/a", "/")), LOGIN)
    keys = [area.key for area in door(*guards).areas()]

    assert ["n8n.a", "n8n.a-2", "n8n.all", "n8n"] == keys, "a key is identity"


@pytest.mark.parametrize(
    ("path", "takes", "leaves"),
    [
        ("/webhook/*", ["/webhook/", "/webhook/a/b"], ["/webhook", "/webhookx", "/a/webhook/b"]),
        ("/webhook*", ["/webhook", "/webhookx", "/webhook/a"], ["/a/webhook"]),
        ("/a.b", ["/a.b", "/a.b/c"], ["/axb", "/a.bc", "/x/a.b"]),
        ("/", ["/", "/a"], []),
        ("", ["/", "/a"], []),
    ],
)
def test_a_pattern_is_as_wide_as_what_access_takes_the_path_for(path, takes, leaves):
    pattern = Area(key="k", path=path, kind="login", because="b").pattern

    assert [] == [path for path in takes if not re.search(pattern, path)], pattern
    assert [] == [path for path in leaves if re.search(pattern, path)], pattern


def test_good_doors_are_accepted():
    assert [] == said(door(Guard(kind="service-token", because="b", paths=("/webhook/*",)), LOGIN)), "jett's own"
    assert [] == said(door(Guard(kind="closed", because="b")), people=People()), "nobody needs to be named for nobody"


@pytest.mark.parametrize(
    ("wrong", "people", "what"),
    [
        (door(LOGIN), People(), "nobody is named who may log in"),
        (door(LOGIN, origin=""), ADA, "publishes no port"),
        (door(Guard(kind="basic", because="b")), ADA, "no guard 'basic'"),
        (door(Guard(kind="closed", because="b", paths=("*.php",)), LOGIN), ADA, "'*.php' is no path"),
        (door(Guard(kind="closed", because="b", paths=("/a*b",)), LOGIN), ADA, "'/a*b' is no path"),
        (door(Guard(kind="bypass", because=" ", paths=("/hook/*",)), LOGIN), ADA, "/hook/* is open without a reason"),
        (door(Guard(kind="bypass", because="")), ADA, "everything is open without a reason"),
    ],
)
def test_a_door_that_access_would_take_otherwise_is_refused(wrong, people, what):
    assert [True] == [what in problem for problem in said(wrong, people=people)], said(wrong, people=people)
