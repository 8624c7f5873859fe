"""Recipes: what decides that an image is built anew, and what every recipe has to keep."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from toolchain.images.errors import ImageError
from toolchain.images.recipe import BASE, find, known, recipes, tagged

REAL = sorted(recipes())


def test_the_catalogs_images_have_recipes():
    needed = {
        "pgvector/pgvector:0.8.6-pg16",
        "redis:7.4.11-alpine",
        "caddy:2.11.4-alpine",
        "n8nio/n8n:2.38.7",
        "python:3.11.16-slim-bookworm",
    }
    assert needed <= set(recipes()), "the first preset can't run where registries can't be reached"


@pytest.mark.parametrize("image", REAL)
def test_a_recipe_starts_from_another_recipe_or_from_nothing(image):
    recipe = find(image)
    first = (recipe.folder / "Dockerfile").read_text().splitlines()[0]
    # One that a container of its base was packed from holds all of it already.
    assert first in {f"FROM {recipe.base or 'scratch'}", "FROM scratch"}, "any other base would have to be pulled"
    assert recipe.base is None or recipe.base in recipes(), "its base can't be built"


@pytest.mark.parametrize("image", REAL)
def test_no_recipe_names_a_package_registry_host(image):
    hosts = re.compile(
        r"(registry|proxy|files|deb|mirror)[a-z.]*\.(org|com|io|net)\b|https?://(?!github)[a-z.]*(npm|pypi|debian|golang)"
    )
    for path in find(image).folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".sum":
            addresses = [
                line for line in path.read_text().splitlines() if hosts.search(line) and "deprecated:" not in line
            ]
            assert [] == addresses, f"{path.name} ties the build to one machine's registries"


def test_git_ignores_no_recipe():
    folders = [str(find(image).folder) for image in REAL]
    files = [str(path) for folder in folders for path in Path(folder).rglob("*") if "__pycache__" not in path.parts]
    done = subprocess.run(["git", "check-ignore", *folders, *files], capture_output=True, text=True, check=False)
    assert (1, "") == (done.returncode, done.stdout), (
        "a recipe that is never committed is missing in every other checkout"
    )


@pytest.mark.parametrize("change", ["edit", "rename", "add", "other base"])
def test_any_change_of_a_recipe_changes_its_fingerprint(tmp_path, change):
    folder = tmp_path / "redis7"
    shutil.copytree(find("redis:7.4.11-alpine").folder, folder)
    recipe = replace(find("redis:7.4.11-alpine"), folder=folder)
    before = recipe.fingerprint
    if change == "edit":
        (folder / "Dockerfile").write_text("FROM scratch\n")
    elif change == "rename":
        (folder / "Dockerfile").rename(folder / "Containerfile")
    elif change == "add":
        (folder / "extra").touch()
    else:
        recipe = replace(recipe, base=None)
    assert before != recipe.fingerprint, "a stale image would be taken for today's"


def test_a_fingerprint_is_the_same_twice_and_ignores_compiled_python(tmp_path):
    folder = tmp_path / "redis7"
    shutil.copytree(find("redis:7.4.11-alpine").folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    recipe = replace(find("redis:7.4.11-alpine"), folder=folder)
    before = recipe.fingerprint
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__/recipe.cpython-311.pyc").write_bytes(b"x")
    assert before == recipe.fingerprint, "running a recipe would make its own image stale"
    assert find("redis:7.4.11-alpine").fingerprint == before, "a fingerprint must not depend on where the checkout lies"


def test_a_recipe_follows_its_base(monkeypatch):
    before = find("redis:7.4.11-alpine").fingerprint
    changed = {**recipes(), BASE: replace(find(BASE), image="homeport/base:other")}
    monkeypatch.setattr("toolchain.images.recipe.recipes", lambda: changed)
    assert before != find("redis:7.4.11-alpine").fingerprint, "an image on an outdated base would be taken for today's"


def test_an_unknown_name_is_refused_by_itself_with_a_way_on():
    with pytest.raises(ImageError) as told:
        find("nobody/nothing:1")
    assert "nobody/nothing:1" in str(told.value), "which image it is has to be told"
    assert "\n  fix: " in str(told.value), "what helps has to be told"
    assert not any(name in str(told.value) for name in REAL), "other software's images help nobody"

    with pytest.raises(ImageError) as told:
        find(f"{REAL[0].partition(':')[0]}:0.0.0-no-such-tag")
    assert REAL[0] in told.value.fix, "the version that can be made here is near enough to be named"


def test_a_name_without_a_tag_means_latest_even_behind_a_registry_with_a_port():
    cases = {"redis": "redis:latest", "r.example.com:5000/a": "r.example.com:5000/a:latest", "a/b:1": "a/b:1"}
    assert cases == {name: tagged(name) for name in cases}, "Docker reads names so"


def test_software_that_no_registry_has_gets_a_stub_that_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path))
    stub = known("qdrant/qdrant:v1.15.0")
    assert stub is not None, "qdrant is listed"
    assert ("stub", "qdrant/qdrant:v1.15.0") == (stub.kind, stub.image), "a stub must never pass for the software"
    assert known("redis:1") is None, "another version of real software is not the one that was asked for"


def test_lock_files_pin_every_package_by_checksum():
    folder = find("n8nio/n8n:2.38.7").folder
    entries = re.findall(r"^    resolution: (.*)$", (folder / "pnpm-lock.yaml").read_text(), re.MULTILINE)
    assert len(entries) > 1000, "the lock file is not pnpm's"
    assert [] == [entry for entry in entries if "integrity: sha512-" not in entry], "an unpinned package could be any"
    assert Path(folder / "pnpm/package-lock.json").read_text().count('"integrity"') == 1, "pnpm itself is pinned too"
