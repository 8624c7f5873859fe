"""Folders of the operator's own in place of homeport's: what is read there, and what is refused."""

from __future__ import annotations

import json

import pytest

from catalog.presets.vps_infrastructure.preset import PRESET
from homeport.model.errors import ProblemsError
from homeport.plan import folders
from homeport.plan.resolve import resolve
from homeport.render.files import service_files
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT

SHIPPED = {name: option.default for name, option in PRESET.options.items() if option.kind == "folder"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with folders of its user's, and all that homeport's own has."""
    monkeypatch.setattr(folders, "ROOT", tmp_path)
    for name in ("apps", "catalog"):
        (tmp_path / name).symlink_to(ROOT / name)
    put(tmp_path / "mine/dbt/dbt_project.yml", "name: mine\nprofile: platform\n")
    put(tmp_path / "mine/dbt/models/staging/visits.sql", "select 1")
    put(tmp_path / "mine/dbt/seeds/letters.csv", "a,é\n")
    put(tmp_path / "mine/dbt/snapshots/visits.yml", "snapshots: []\n")
    put(tmp_path / "mine/dbt/target/manifest.json", "{}")
    put(tmp_path / "mine/dags/daily.py", "x = 1\n")
    put(tmp_path / "mine/dags/shared/words.py", "x = 2\n")
    put(tmp_path / "mine/dags/__pycache__/daily.pyc", "another one each time")
    return tmp_path


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def blueprint(**options):
    settings = {"options": options, "services": {"airflow": {"enabled": True}, "airflow-db": {"enabled": True}}}
    return resolve(
        Configuration("dev", {"homeport:preset": PRESET.name, "homeport:settings": json.dumps(settings)})
    ).blueprint


def files(checkout, service, **options):
    whole = blueprint(**options)
    plain = service_files(whole, whole.service(service), checkout).plain
    return {path: content.decode() for path, (_, content) in plain.items()}


def refused(**options):
    with pytest.raises(ProblemsError) as refusal:
        blueprint(**options)
    return {problem.path.rpartition(".")[2]: problem.what for problem in refusal.value.problems}


@pytest.mark.req("S1-24")
def test_a_dbt_project_of_ones_own_is_laid_whole_and_nothing_of_the_shipped_one(checkout):
    own = files(checkout, "dbt", **{"dbt-project": "mine/dbt"})

    assert {"dbt_project.yml", "models/staging/visits.sql", "seeds/letters.csv", "snapshots/visits.yml", "health"} == {
        *own
    }
    assert "name: mine\nprofile: platform\n" == own["dbt_project.yml"]
    assert "models/visitors_by_day.sql" in files(checkout, "dbt"), "where nothing is chosen, the shipped one"


@pytest.mark.req("S1-27")
def test_dags_of_ones_own_are_laid_with_their_subfolders_and_without_what_python_leaves(checkout):
    own = files(checkout, "airflow", **{"airflow-dags": "mine/dags"})

    assert ["dags/daily.py", "dags/shared/words.py"] == sorted(name for name in own if name.startswith("dags/"))
    assert "dags/platform_check.py" in files(checkout, "airflow")


def test_what_was_changed_is_delivered_with_the_next_update(checkout):
    before = files(checkout, "airflow", **{"airflow-dags": "mine/dags"})
    put(checkout / "mine/dags/daily.py", "x = 3\n")
    put(checkout / "mine/dags/weekly.py", "x = 4\n")
    after = files(checkout, "airflow", **{"airflow-dags": "mine/dags"})

    assert {("dags/daily.py", "x = 3\n"), ("dags/weekly.py", "x = 4\n")} == {*after.items()} - {*before.items()}, (
        "other files are another volume, and that another container"
    )


@pytest.mark.parametrize("option", SHIPPED)
def test_a_folder_that_is_not_there_or_has_not_what_is_read_is_refused_by_name(checkout, option):
    (checkout / "mine/nothing").mkdir()
    put(checkout / "mine/big/dbt_project.yml", "name: mine\n")
    put(checkout / "mine/big/models/big.sql", "x" * 5_000_000)

    assert {option: "mine/nowhere is no folder of the checkout"} == refused(**{option: "mine/nowhere"})
    assert {option: "mine/dags/daily.py is no folder of the checkout"} == refused(**{option: "mine/dags/daily.py"})
    empty = {"dbt-project": "mine/nothing/dbt_project.yml is not there", "airflow-dags": "mine/nothing is empty"}
    assert {option: empty[option]} == refused(**{option: "mine/nothing"})
    assert {option: "mine/big has files of 4.8 MB, the most is 4"} == refused(**{option: "mine/big"})


@pytest.mark.parametrize(
    "text", ["", "/etc", "../other", "mine/../..", "mine/", ".", "a b", "mine//dags", "*", "mine/*"]
)
@pytest.mark.parametrize("option", SHIPPED)
@pytest.mark.usefixtures("checkout")
def test_what_is_no_path_below_the_checkout_is_refused(option, text):
    assert {option: f"must be {PRESET.options[option].shape}"} == refused(**{option: text})
