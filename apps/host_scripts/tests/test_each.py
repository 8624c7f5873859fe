"""One of several that cannot be copied or tried keeps none behind it from its turn."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from host_scripts import common, copies, databases, main, stores


def settings(tmp_path):
    of = [SimpleNamespace(container=name) for name in ("first", "broken", "last")]
    return SimpleNamespace(folder=tmp_path, keep=1, copies=of, servers=of, stores=of)


@pytest.mark.req("FP-21")
@pytest.mark.parametrize(
    ("work", "part", "kind"),
    [
        (copies.backup, "copies._copied", "copies"),
        (copies.verify, "copies._newest", "copies"),
        (databases.backup, "databases._dump", "servers"),
        (databases.verify, "databases._newest", "servers"),
        (stores.backup, "stores._dumped", "stores"),
        (stores.verify, "stores._newest", "stores"),
    ],
    ids=["copies", "their drill", "databases", "their drill", "stores", "their drill"],
)
def test_the_others_have_their_turn_and_the_run_fails(work, part, kind, tmp_path, monkeypatch):
    def work_on(*words):
        # The container, or the folder of its sets.
        if any("broken" == getattr(word, "container", getattr(word, "name", "")) for word in words):
            raise common.BackupError("broken: it holds nothing", "look at it")
        return {"set": "1"}

    monkeypatch.setattr(f"host_scripts.{part}", work_on)
    monkeypatch.setattr(copies.sets, "all_in", lambda folder: [folder])
    with pytest.raises(common.BackupError, match="broken: it holds nothing\nfix: look at it") as error:
        work(settings(tmp_path))

    assert {kind: {"first": {"set": "1"}, "last": {"set": "1"}}, "failed": 1} == error.value.partly


@pytest.mark.req("FP-21")
def test_stores_and_copies_are_tried_though_a_database_is_damaged_and_all_is_told(tmp_path, monkeypatch):
    tried = []

    def damaged(name):
        def verify(_chosen):
            tried.append(name)
            raise common.BackupError(f"{name}: damaged", "take another set", partly={name: {"sound": {}}})

        return SimpleNamespace(verify=verify)

    for name in ("databases", "stores", "copies"):
        monkeypatch.setattr(main, name, damaged(name))
    with pytest.raises(common.BackupError) as error:
        main._verify(SimpleNamespace(offsite=False, folder=tmp_path))

    assert ["databases", "stores", "copies"] == tried
    assert all(f"{name}: damaged" in str(error.value) for name in tried), error.value
    assert {"drills": {name: {name: {"sound": {}}} for name in tried}, "failed": 3} == error.value.partly, (
        "what is sound"
    )
