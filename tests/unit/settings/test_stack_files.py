"""The stack files in the repository, the page about settings, and what the engine hands to the program."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pulumi
import pytest
import yaml

from catalog.presets import registry
from catalog.presets.registry import declared
from homeport.cli import stack as stacks
from homeport.cli.stack import read
from homeport.model.errors import SettingsError
from homeport.settings import docs
from homeport.settings.from_pulumi import configuration
from homeport.settings.load import Configuration, load
from homeport.settings.schema import ENVIRONMENTS, Settings
from homeport.settings.secret_specs import known_secrets

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "tests" / "cases" / "stacks"
FORMER = pulumi.runtime.config.CONFIG.get(), pulumi.runtime.config._SECRET_KEYS.get()


@pytest.fixture
def engine_says():
    """Sets what the engine would hand to the program; puts back what was there."""
    yield lambda raw, secret=(): pulumi.runtime.set_all_config(raw, list(secret))
    pulumi.runtime.set_all_config(*FORMER)


def _raw(stack):
    config = yaml.safe_load((SHIPPED / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


@pytest.mark.req("P-20")
@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_each_stack_file_is_valid_and_holds_no_secret(stack):
    loaded = load(Configuration(stack, _raw(stack)), declared=declared())

    assert ("ai-orchestrator", stack) == (loaded.preset, loaded.settings.environment), "a stack is an environment"
    assert {} == loaded.secrets, "secrets are not committed"
    assert "secure:" not in (SHIPPED / f"Pulumi.{stack}.yaml").read_text(), (
        "nor in encrypted form: each user has a key of their own"
    )


@pytest.mark.req("NW-10")
@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_the_shipped_files_are_those_that_tests_look_at(stack):
    own = ROOT / f"Pulumi.{stack}.yaml"
    shipped = SHIPPED / own.name
    if not own.is_file() or own.read_text() != shipped.read_text():
        pytest.skip(f"{own.name} is another than {shipped.relative_to(ROOT)}: a user's settings, which no test minds")
    assert stack == Configuration(stack, _raw(stack)).stack, "nothing more to look at"


@pytest.mark.req("NW-10")
def test_a_users_own_settings_are_read_by_the_command_and_not_by_tests(monkeypatch, tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  homeport:preset: jett\n")

    assert "ai-orchestrator" == read("dev").preset, "a test looks at what is shipped"
    monkeypatch.delenv("HOMEPORT_STACK_FILES")
    monkeypatch.setattr(stacks, "ROOT", tmp_path)
    assert "jett" == read("dev").preset, "the command reads the checkout's"


@pytest.mark.req("P-18", "P-25")
def test_dev_needs_no_cloud_and_prod_protects_its_data():
    dev, prod = (load(Configuration(stack, _raw(stack)), declared=declared()).settings for stack in ("dev", "prod"))

    assert (["local"], "local", "127.0.0.1", False) == (
        [h.mode for h in dev.hosts.values()],
        dev.exposure,
        dev.edge.bind,
        dev.protect_data,
    ), "dev is this machine, for this machine, and leaves nothing behind"
    assert prod.protect_data, "prod keeps its data"


def test_the_project_file_declares_what_the_engine_can_hand_on():
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    declared = {key: value for key, value in project["config"].items() if ":" not in key}

    assert "homeport" == project["name"], "the namespace of every key"
    assert {"preset", "settings"} == set(declared), "secrets that may be missing cannot be declared"
    assert all("default" in one and "type" not in one and one["description"] for one in declared.values()), (
        "else the engine refuses in its own words, the first mistake only"
    )
    assert ["*"] == project["config"]["pulumi:disable-default-providers"]["value"], "every resource names its provider"


def test_the_page_about_settings_lists_the_presets_that_there_are():
    section = docs.page(declared()).partition("## homeport:preset")[2].partition("\n## ")[0]

    assert [*registry.names()] == re.findall(r"^- `(.+)`$", section, re.MULTILINE), (
        "a preset of a later version is none"
    )


def test_the_page_about_settings_is_fresh():
    assert docs.page(declared()) == (ROOT / "docs" / "settings.md").read_text(), "run: make docs"


def test_the_page_names_every_field_and_every_secret():
    page = docs.page(declared())
    fields = [name for _, section in docs.sections(declared()) for name in section.model_fields]

    assert set(Settings.model_fields) <= set(fields), "the sections start at the top"
    assert [] == [
        name
        for name in (*fields, *(f"homeport:{name}" for name in known_secrets(declared())))
        if f"| `{name}` |" not in page
    ], "nothing is hidden"


def test_what_is_said_to_be_below_has_a_section():
    places = docs.page(declared()).split("\n## ")[1:]
    titles = [place.partition("\n")[0] for place in places]
    shown = {re.sub(r"(\.<\w+>)?( \(mode \w+\))?$", "", title) for title in titles}
    below = [
        f"{title}.{name}"
        for title, place in zip(titles, places, strict=True)
        for name in re.findall(r"^\| `(.+?)` \| a mapping, see below", place, re.MULTILINE)
    ]

    assert below, "the page has such rows"
    assert set() == set(below) - shown


def test_no_default_is_shown_as_python_writes_it():
    assert [] == re.findall(r"\w+=(?:None|True|False|\().*", docs.page(declared()))


def test_what_the_engine_hands_on_is_read_whole(engine_says):
    engine_says({"homeport:preset": "vpai", "homeport:settings": '{"environment": "preprod"}', "hcloud:token": "x"})

    assert ("vpai", "preprod") == ((loaded := load(configuration())).preset, loaded.settings.environment), (
        "preset and settings arrive"
    )


def test_a_key_that_nobody_asks_for_is_found(engine_says):
    engine_says({"homeport:preset": "vpai", "homeport:settings": '{"environment": "dev"}', "homeport:setings": "{}"})

    with pytest.raises(SettingsError, match="did you mean homeport:settings"):
        load(configuration())


def test_the_engine_tells_what_is_stored_in_plain(engine_says):
    value = "kV3xQ8tZr7Lm2Nc9Wd4Yp6Bs1Hf5Jg0A"
    engine_says(
        {"homeport:preset": "vpai", "homeport:settings": '{"environment": "dev"}', "homeport:redis-password": value}
    )
    with pytest.raises(SettingsError, match="is stored in plain") as refusal:
        load(configuration(), declared=declared())

    assert value not in str(refusal.value), "it is not shown to even more people"


def test_what_is_handed_on_by_the_environment_is_read_too(engine_says, monkeypatch):
    engine_says({})
    monkeypatch.setenv(
        "PULUMI_CONFIG", json.dumps({"homeport:preset": "vpai", "homeport:settings": '{"environment": "dev"}'})
    )

    assert "vpai" == load(configuration()).preset, "a language host may use the environment instead"


def test_a_plan_needs_no_pulumi():
    code = "import sys, homeport.plan.resolve; print('pulumi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)

    assert "False" == done.stdout.strip(), "the operator's command starts quickly"


def test_nobody_else_reads_the_configuration():
    guilty = []
    for path in ROOT.rglob("*.py"):
        if (
            path.relative_to(ROOT).parts[0] in {"tests", "rehearsal", "toolchain", "apps", "bench"}
            or path.is_relative_to(ROOT / "homeport" / "settings")
            or ".venv" in path.parts
        ):
            continue
        names = {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
        guilty += [path.name for bad in ("Config", "get_config", "require_secret") if bad in names]

    assert [] == guilty, "homeport/settings/ is the only reader of pulumi.Config"
