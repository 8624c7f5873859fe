"""Every volume and data folder of every preset: its backups name it, or docs/backup.md says why it is not copied."""

import re

import pytest

from catalog.presets import registry
from homeport.model import template
from tests.support.checkout import ROOT

PRESETS = registry.names()
_ROW = re.compile(r"\| ([a-z-]+) \| (`.+`)(, the rest)? \| (.+) \|")


def said():
    """The table of what is not copied: preset, place, and whether it is what a copy of a part leaves."""
    text = (ROOT / "docs/backup.md").read_text(encoding="utf-8")
    (section,) = (part for part in text.split("\n## ") if part.startswith("What is not copied\n"))
    rows = [row.groups() for row in map(_ROW.fullmatch, section.splitlines()) if row]
    return [(preset, place, bool(rest)) for preset, names, rest, _ in rows for place in re.findall("`(.+?)`", names)]


def volumes(preset):
    """What users made: each place of it in a container, and the name of the volume that is there."""
    return {
        f"{service.name}:{volume.path}": volume.shared or f"{service.name} {name}"
        for service in preset.services
        for name, volume in service.volumes.items()
        if (preset.shared_volumes[volume.shared] if volume.shared else volume).data
    }


def lists(preset):
    """The variables of the files that say what is copied: each one's words, without the marks before them."""
    files = (file for program in preset.programs if program.backup for file in program.files)
    lines = (
        line.split("=", 1) for file in files if file.target.endswith("/backup.env") for line in file.text.split("\n")
    )
    return {name: [word.lstrip("?!") for word in words.split()] for name, *rest in lines for words in rest}


def copied(preset):
    """Places that are copied whole, and those of which a part is."""
    known, words = volumes(preset), lists(preset)
    servers = (word for name, each in words.items() if name.endswith("_SERVERS") for word in each)
    containers = {word.partition("=")[0] for word in servers}
    folders = {word.replace("=", ":", 1) for word in words.get("FILES", ())}
    whole = folders | {place for place in known if place.partition(":")[0] in containers}
    copies = [word.replace("=", ":", 1) for word in words.get("COPIES", ())]
    whole |= {word for word in copies if word.count(":") == 1}
    parts = {word.rpartition(":")[0] for word in copies if word.count(":") > 1}
    # A host's own folder of dumps goes to the bucket with all that is in it.
    own = {folder.path for program in preset.programs if program.backup for folder in program.folders if folder.data}
    return whole | (own if "S3_BUCKET" in words else set()), {
        next((place for place in known if f"{part}/".startswith(f"{place}/")), part) for part in parts
    }


def places(preset):
    """All that a host's loss, or a bucket's, would take: volumes, folders of programs, buckets of services."""
    folders = {folder.path for program in preset.programs for folder in program.folders if folder.data}
    buckets = {name for word in lists(preset).get("S3_BUCKETS", ()) for name in template.names(word)}
    return {*volumes(preset), *folders, *buckets}


@pytest.mark.parametrize("name", PRESETS)
def test_what_a_preset_keeps_is_copied_or_said_not_to_be(name):
    preset = registry.preset(name)
    whole, parts = copied(preset)
    rest = {place for of, place, rest in said() if of == name and rest}
    stated = {place for of, place, rest in said() if of == name and not rest}
    named = volumes(preset)
    kept = {named.get(place, place) for place in whole | stated}

    forgotten = [place for place in places(preset) - parts if named.get(place, place) not in kept]
    assert [] == sorted(forgotten), "in no copy, and docs/backup.md does not say so"
    assert parts == rest, "of these the copy is a part, and docs/backup.md says what is left"
    assert set() == stated & (whole | parts), "said not to be copied, and copied"


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_copied_and_what_is_said_not_to_be_are_there(name):
    preset = registry.preset(name)
    whole, parts = copied(preset)
    stated = {place for of, place, _ in said() if of == name}
    assert set() == (whole | parts | stated) - places(preset), "nobody keeps anything there"
    assert {*PRESETS} >= {of for of, _, _ in said()}, "rows of presets"


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_copied_is_on_a_host_that_makes_copies(name):
    preset = registry.preset(name)
    (roles,) = {program.roles for program in preset.programs if program.backup} or {()}
    containers = {place.partition(":")[0] for each in copied(preset) for place in each if ":" in place}
    services = [service for service in preset.services if service.name in containers]
    assert [] == [service.name for service in services if roles and service.role not in roles], "nothing copies there"
