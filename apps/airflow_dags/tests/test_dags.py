"""The DAG files, read with a stand-in for Airflow: what they declare, and what their tasks answer."""

import runpy
import sys
import types
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "dags"


@pytest.fixture
def declared(monkeypatch):
    dags, answers = {}, []

    def dag(**options):
        def of(function):
            dags[function.__name__] = options
            return function

        return of

    def task(function):
        def run(*given):
            answers.append(function(*given))
            return answers[-1]

        return run

    stand_in = types.SimpleNamespace(dag=dag, task=task)
    monkeypatch.setitem(sys.modules, "airflow", types.SimpleNamespace(sdk=stand_in))
    monkeypatch.setitem(sys.modules, "airflow.sdk", stand_in)
    return dags, answers


def test_the_placeholder_runs_when_it_is_started_and_hands_a_word_on(declared):
    dags, answers = declared
    runpy.run_path(str(FOLDER / "platform_check.py"))

    assert {"platform_check": None} == {name: options["schedule"] for name, options in dags.items()}, (
        "nothing runs by itself on a new system"
    )
    assert not dags["platform_check"]["catchup"], "and nothing is made up for"
    assert ["ready", "the platform is ready"] == answers, "the second task gets what the first answered"
