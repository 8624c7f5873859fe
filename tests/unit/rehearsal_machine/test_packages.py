"""The package mirrors that machines find at their gateway."""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from rehearsal.machine import packages

BODY = {"dists/trixie/InRelease": "list", "pool/main/h/hello_1.0+b1_all.deb": "deb"}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The mirrors, the outside being a dictionary; what was fetched is listed."""
    asked = []

    def fetched(uri, into):
        asked.append(uri)
        body = BODY.get(uri.removeprefix("https://mirror.example.com/debian/"))
        if body is not None:
            into.write_text(body)
        return body is not None

    monkeypatch.setattr(packages, "archives", lambda: {"debian": "https://mirror.example.com/debian"})
    monkeypatch.setattr(packages, "_fetched", fetched)
    served = packages.Packages("127.0.0.1", tmp_path, 0).start()
    yield served, asked, tmp_path
    served.close()


def get(served, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}{path}", timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_a_package_is_fetched_once_and_a_list_again_after_an_hour(mirror):
    served, asked, folder = mirror
    for path, body in BODY.items():
        assert [(200, body)] * 2 == [get(served, f"/debian/{path}") for _ in range(2)]
    assert 2 == len(asked), "the second time it was there"
    for path in BODY:
        os.utime(folder / "debian" / path, (0, 0))
        get(served, f"/debian/{path}")
    assert 3 == len(asked), "a package of that name is the same for ever, a list is not"


def test_without_the_mirror_what_was_fetched_before_is_still_there(mirror, monkeypatch):
    served, _, folder = mirror
    get(served, "/debian/dists/trixie/InRelease")
    os.utime(folder / "debian/dists/trixie/InRelease", (0, 0))
    monkeypatch.setattr(packages, "_fetched", lambda *_: False)

    assert (200, "list") == get(served, "/debian/dists/trixie/InRelease")


def test_two_mirrors_that_fetch_the_same_file_at_once_keep_it_whole(mirror, monkeypatch):
    """As three lanes of tests did on an empty cache: the list that was kept for an hour had no bytes."""
    served, _, folder = mirror
    both = threading.Barrier(2)

    def fetched(_, into):
        into.write_text("list")
        both.wait(60)
        return True

    monkeypatch.setattr(packages, "_fetched", fetched)
    other = packages.Packages("127.0.0.1", folder, 0).start()
    with ThreadPoolExecutor(2) as callers:
        answers = [*callers.map(lambda each: get(each, "/debian/dists/trixie/InRelease"), (served, other))]
    other.close()

    assert [(200, "list")] * 2 == answers
    assert ["InRelease"] == [file.name for file in (folder / "debian/dists/trixie").iterdir()]


def test_an_empty_file_is_none_and_is_fetched_again(mirror):
    served, _, folder = mirror
    kept = folder / "debian/pool/main/h/hello_1.0+b1_all.deb"
    kept.parent.mkdir(parents=True)
    kept.touch()

    assert (200, "deb") == get(served, "/debian/pool/main/h/hello_1.0+b1_all.deb")


@pytest.mark.parametrize(
    "path",
    [
        "/debian/dists/trixie/none",
        "/other/dists/trixie/InRelease",
        "/debian/../../etc/passwd",
        "/debian/pool/../../x",
        "/debian/project/trace",
        "http://example.com/dists/trixie/InRelease",
    ],
)
def test_what_is_in_no_archive_of_this_machine_is_not_to_be_had(mirror, path):
    served, asked, _ = mirror

    assert 404 == get(served, path if path.startswith("/") else f"/{path}")[0]
    assert [] == [uri for uri in asked if not uri.startswith("https://mirror.example.com/debian/dists/")]
