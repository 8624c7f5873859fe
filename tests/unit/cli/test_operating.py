"""docs/operate: every service of a preset is in its page, and every command there is one."""

import ast
import re
import shlex
from dataclasses import replace

import pytest
from typer.exceptions import TyperException

from catalog.presets import registry
from homeport.cli import docs, example, operating
from homeport.cli.app import VERBS, load
from homeport.model.preset import Step
from homeport.model.sign_in import access
from homeport.plan.smoke import checks
from rehearsal.claims.systems import CLAIMS
from tests.support.checkout import ROOT

PRESETS = registry.names()
SECTIONS = ("Addresses, and who gets in", "Is it well", "Data, and how it comes back")
PHASES = {
    "WireGuard": (
        "Generate keys on VPS",
        "Generate keys on local",
        "Configure VPS WireGuard",
        "Configure local WireGuard",
        "Test connectivity",
    ),
    "Docker Setup": (
        "Install Docker on VPS",
        "Create docker-compose.yml",
        "Configure environment variables",
        "Start services",
        "Verify hardening",
    ),
    "Cloudflare Tunnel": (
        "Install cloudflared",
        "Create tunnel",
        "Configure DNS records",
        "Set up Zero Trust policies",
        "Test external access",
    ),
    "Firewall": ("Configure UFW", "Verify port bindings", "Test from external"),
    "Integration": ("Local connects to VPS services", "Heartbeat system", "Offline queue handling"),
}
"""The checklist of the system's description: 21 steps, though the row counts 20."""


def written(preset):
    return (ROOT / "docs" / "operate" / f"{preset}.md").read_text(encoding="utf-8")


def section(page, title):
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def undocumented(preset, page):
    """What of a preset has no row where there must be one."""
    rows = {title: set(re.findall(r"^\| `([^`]+)`", section(page, title), re.MULTILINE)) for title in SECTIONS}
    for service in preset.services:
        yield from (f"{title}: {service.name}" for title in SECTIONS if service.name not in rows[title])
    yield from (f"Is it well: {program.name}" for program in preset.programs if program.name not in rows["Is it well"])
    secrets = {spec.name for owner in (*preset.services, *preset.programs, preset) for spec in owner.secrets}
    known = set(re.findall(r"^\| `([^`]+)`", section(page, "Secrets, and who renews them"), re.MULTILINE))
    yield from (f"Secrets: {name}" for name in sorted(secrets - known))


@pytest.mark.req("P-28")
@pytest.mark.parametrize("name", PRESETS)
def test_every_service_program_and_secret_of_a_preset_is_in_its_page(name):
    assert [] == list(undocumented(registry.preset(name), written(name))), "run: make docs"


@pytest.mark.req("P-28")
@pytest.mark.parametrize("name", PRESETS)
def test_a_service_that_a_page_leaves_out_is_seen(name):
    preset = registry.preset(name)
    one = preset.services[0].name
    page = re.sub(rf"^\| `{re.escape(one)}` .*\n", "", written(name), flags=re.MULTILINE)
    newcomer = replace(preset.services[0], name="newcomer")

    assert [f"{title}: {one}" for title in SECTIONS] == list(undocumented(preset, page)), "in each of the tables"
    more = undocumented(replace(preset, services=(*preset.services, newcomer)), written(name))
    assert [f"{title}: newcomer" for title in SECTIONS] == list(more), "the page is older than the preset"


@pytest.mark.req("P-28")
@pytest.mark.parametrize("name", PRESETS)
def test_a_page_is_what_the_generator_writes(name):
    assert operating.page(registry.preset(name)) == written(name), "run: make docs"


@pytest.mark.req("P-28")
def test_what_several_services_keep_together_is_named_where_it_is_on_the_host():
    vpai, other = (operating.page(registry.preset(name)) for name in ("vpai", "vps-infrastructure"))
    rows = [
        line for line in section(vpai, SECTIONS[2]).splitlines() if line.startswith(("| `sure`", "| `sure-worker`"))
    ]

    assert ["`/opt/vpai/data/sure-storage`"] * 2 == [row.split(" | ")[1].partition("<br>")[0] for row in rows]
    assert "| volume `shared-supabase-storage` |" in section(other, SECTIONS[2]), "where Docker has a place for it"


@pytest.mark.req("P-28")
def test_a_page_that_is_missing_or_another_is_written_or_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "pages", lambda: {"docs/operate/jett.md": "made\n"})
    named = "docs/operate/jett.md is out of date\n  fix: make docs\n"

    assert (1, named) == (docs.write(only_check=True), capsys.readouterr().err), "it is missing"
    assert (0, 0) == (docs.write(only_check=False), docs.write(only_check=True)), "written"
    (tmp_path / "docs/operate/jett.md").write_text("by hand\n")
    assert (1, named) == (docs.write(only_check=True), capsys.readouterr().err), "it is another"


def commands(page):
    """Each command that a page shows: the lines of its consoles, and what begins like one within a sentence."""
    consoles = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    yield from (line.partition("    # ")[0].rstrip() for text in consoles for line in text.splitlines())
    yield from re.findall(r"`((?:bin/homeport|make|docker|journalctl) [^`]+)`", page)


def refused(command):
    """Why a command is none; nothing, where the verb itself takes all its words."""
    program, *words = shlex.split(command)
    if program == "make":
        return "" if re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE) else "no target"
    if program == "docker":
        return "" if words[0] in {"logs", "inspect", "restart", "exec"} else "no such command"
    if program != "bin/homeport":
        return "" if program == "journalctl" else "no program of the page"
    if words[0] not in VERBS:
        return "no verb"
    try:
        load(words[0]).make_context(words[0], words[1:])
    except TyperException as error:
        return str(error)
    return ""


@pytest.mark.req("P-28")
@pytest.mark.parametrize("name", PRESETS)
def test_every_command_of_a_page_is_taken_by_what_it_calls(name):
    shown = list(commands(written(name)))

    assert any("backup status" in line for line in shown) == bool(
        [program for program in registry.preset(name).programs if program.backup]
    ), "who has backups is told how they are"
    assert [] == [(command, why) for command in shown if (why := refused(command))]


@pytest.mark.parametrize(
    "command",
    [
        "bin/homeport restart n8n",
        "bin/homeport restore volumes n8n --replace",
        "bin/homeport status --deep",
        "make restore",
        "docker volume ls",
        "systemctl restart n8n",
    ],
)
def test_a_command_that_there_is_not_is_seen(command):
    assert refused(command), command


@pytest.mark.parametrize("name", PRESETS)
def test_links_of_a_page_lead_to_files(name):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", written(name))

    assert links
    assert [] == [link for link in links if not (ROOT / "docs" / "operate" / link).is_file()]


@pytest.mark.parametrize("name", PRESETS)
def test_what_backups_name_and_what_is_set_once_is_the_presets(name):
    preset = registry.preset(name)
    plan = example.example(f"{name}/prod").plan
    services = {service.name: service for service in preset.services}
    copied = {
        container
        for program in preset.programs
        if program.backup
        for container in operating.restores(program, plan.blueprint)
    }

    assert copied <= services.keys(), "a container that is copied is a service"
    for service in preset.services:
        read = {name for file in service.secret_files for name in file.secrets}
        assert {*service.set_once} <= read, f"{service.name} reads what it is said to read once"


@pytest.mark.parametrize(
    ("name", "service", "expected"),
    [
        ("vps-infrastructure", "n8n", "this machine only, 127.0.0.1:5678; public, through the proxy with open"),
        ("vpai", "headscale", "public, 0.0.0.0:3478; public, through the proxy with open"),
        ("shared-infrastructure", "infisical-backend", "tunnel with login"),
        ("jett", "n8n", "VPN only, 10.0.0.2:5678; tunnel with service-token or login"),
        ("jett", "postgres", "VPN only, 10.0.0.2:5432"),
        ("ai-orchestrator", "ai-executor", "no network"),
    ],
)
def test_who_gets_in_is_told_of_every_way_to_a_service(name, service, expected):
    blueprint = example.example(f"{name}/prod").plan.blueprint

    assert expected == access(blueprint, blueprint.service(service)), "a public name is not told as this machine's"


def unknown(step):
    """What a step names as its check that is none."""
    claims = {claim.name for claim in CLAIMS["jett"]}
    blueprint = example.example("jett/prod").plan.blueprint
    lines = {check.name for inside in (True, False) for check in checks(blueprint, {}, inside=inside)}
    yield from ({*step.claims} - claims)
    yield from ({*step.smoke} - lines)
    for test in step.tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text()) if (ROOT / path).is_file() else ast.Module([], [])
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            yield test


@pytest.mark.req("S2-56")
def test_the_runbook_is_the_descriptions_checklist_in_its_order_and_each_step_has_a_check():
    phases = registry.preset("jett").phases
    steps = [step for phase in phases for step in phase.steps]

    assert PHASES == {phase.name: tuple(step.text for step in phase.steps) for phase in phases}, "five phases"
    assert list(PHASES) == [phase.name for phase in phases], "in their order"
    assert [] == [step.text for step in steps if not (step.claims or step.tests)], "a check that fails by itself"
    assert [] == [step.text for step in steps if not step.how], "who does it"
    assert [] == [name for step in steps for name in unknown(step)], "a check that is there"


@pytest.mark.req("S2-56")
def test_the_page_has_each_step_in_that_order_with_all_that_ticks_it():
    rows = re.findall(r"^\| \d\. .*$", section(written("jett"), "Setting it up"), re.MULTILINE)
    steps = [step for phase in registry.preset("jett").phases for step in phase.steps]

    assert [step.text for step in steps] == [row.split(" | ")[0].split(". ", 1)[1] for row in rows]
    for step, row in zip(steps, rows, strict=True):
        assert all(f"`{name}`" in row for name in (*step.claims, *step.smoke, *step.tests)), row


@pytest.mark.req("S2-56")
@pytest.mark.parametrize(
    "step",
    [
        Step(text="", how="", claims=("handshakes",)),
        Step(text="", how="", claims=("names-for-members",)),
        Step(text="", how="", smoke=("n8n 5679",)),
        Step(text="", how="", tests=("tests/unit/presets/test_jett.py::test_no_such",)),
        Step(text="", how="", tests=("tests/unit/presets/test_none.py::test_no_environment_names_a_secret",)),
    ],
)
def test_a_check_that_there_is_not_is_seen(step):
    assert list(unknown(step)) == [*step.claims, *step.smoke, *step.tests], "one of a mesh is none of jett's"
