"""The documents of vps-infrastructure, held against what the preset is."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml

from catalog.presets.vps_infrastructure.preset import PRESET
from homeport.cli import variables
from homeport.cli.places import ROOT
from homeport.model.container import container_spec
from homeport.model.errors import BlueprintError
from homeport.plan.resolve import resolve
from homeport.render import host_programs
from homeport.render.export import checkout
from homeport.settings.load import Configuration
from tests.unit.presets.test_vps import planned

PAGE = (ROOT / "docs" / "vps-infrastructure.md").read_text(encoding="utf-8")
FOLDER = "/home/deploy/platform/"


def section(title):
    """The text below a heading of the page."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.fixture(scope="module")
def prod():
    return planned("prod").blueprint


@pytest.fixture(scope="module")
def folder(prod):
    """Path below the folder on the host to text, as the programs and the checkout lay it; compose files are empty."""
    laid = dict.fromkeys(checkout.compose_texts(prod, PRESET.checkout, "prod", {}), "")
    laid |= dict(checkout.documents(PRESET.checkout, ROOT))
    for program in PRESET.programs:
        for file in host_programs.files(program, prod.texts(), ROOT):
            if file.path.startswith(FOLDER):
                assert file.path.removeprefix(FOLDER) not in laid, f"{file.path} is laid by two"
                laid[file.path.removeprefix(FOLDER)] = file.content
    return laid


@pytest.mark.req("S1-04")
def test_the_folder_on_the_host_has_what_the_description_lists(folder, prod):
    for path in ("deploy.sh", "backup-n8n-workflows.sh", "host-agent/.env.example", "ai-dev-server/Dockerfile"):
        assert folder[path], path
    for script in ("setup-runner.sh", "start-runner-service.sh", "uninstall.sh"):
        assert folder[f"github-runner/{script}"], script
    assert "ai-dev-server/**" in folder[".github/workflows/deploy-ai-dev-server.yml"], (
        "what starts a deployment is there"
    )
    for service in prod.services:
        assert f"docker-compose/{PRESET.checkout.folder(service.name)}/docker-compose.yml" in folder


@pytest.mark.req("S1-68")
def test_git_takes_all_of_the_folder_but_what_holds_a_secret(folder, prod, tmp_path):
    secret = {
        file.target.replace("{checkout}/", "")
        for program in PRESET.programs
        for file in program.files
        if file.target.startswith("{checkout}/") and {*file.names} - prod.texts().keys()
    }
    (tmp_path / ".gitignore").write_text(folder[".gitignore"], encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, timeout=120)
    asked = ["git", "-C", tmp_path, "check-ignore", "--stdin"]
    ignored = subprocess.run(asked, input="\n".join(folder), capture_output=True, text=True, check=False, timeout=120)

    assert {"host-agent/.env"} == secret
    assert sorted(secret) == ignored.stdout.split(), "nothing else stays out, and no secret goes in"


def test_what_the_workflow_builds_in_the_folder_is_whole(folder):
    needed = re.findall(r"^COPY (\S+)", folder["ai-dev-server/Dockerfile"], re.MULTILINE)
    needed += ["build.sh", "test.sh", "runtime.Dockerfile", "requirements.txt", ".dockerignore", "ai_dev_server/app.py"]

    for name in needed:
        assert [path for path in folder if path.startswith(f"ai-dev-server/{name}")], f"{name} is not in the folder"


@pytest.mark.req("S1-05")
@pytest.mark.parametrize(
    ("readme", "setup", "variable", "test"),
    [
        ("ai-dev-server", "-m venv", "MCP_BEARER_TOKEN", "curl -s http://n8n:5678/healthz"),
        ("host-agent", "./deploy.sh", "HOST_AGENT_BEARER_TOKEN", "curl http://127.0.0.1:9000/health"),
        ("docker-compose/dbt", "## Set up", "DBT_PROJECT_DIR", "docker exec dbt dbt test"),
        ("github-runner", "./setup-runner.sh", "RUNNER_TOKEN", "systemctl status 'actions.runner.*'"),
    ],
)
def test_each_readme_says_how_to_set_it_up_its_variables_and_how_to_try_it(folder, readme, setup, variable, test):
    text = folder[f"{readme}/README.md"]

    assert setup in text
    assert f"`{variable}`" in text.partition("|---|")[2], "the table of variables has it"
    assert re.search(r"^## Tests?$", text, re.MULTILINE)
    assert test in text


def test_no_document_of_the_folder_leads_to_a_file_that_is_not_there(folder):
    lost = [
        f"{path}: {target}"
        for path, text in folder.items()
        if path in {"README.md", "ai-dev-server/README.md", "docker-compose/dbt/README.md"}
        for target in re.findall(r"\]\(([^)#:]+)\)", text)
        if target not in folder
    ]

    assert [] == lost


@pytest.mark.req("S1-82")
def test_every_variable_of_every_service_is_on_the_page_with_its_purpose_and_where_it_comes_from(prod):
    page = (ROOT / "docs" / "vps-infrastructure-variables.md").read_text(encoding="utf-8")
    rows = {}
    for part in page.split("\n## ")[1:]:
        owner, _, table = part.partition("\n")
        rows |= {
            (owner, name): (purpose, origin)
            for name, purpose, origin in re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", table, re.MULTILINE)
        }
    wanted = {(service.name, name) for service in prod.services for name in container_spec(prod, service).env}
    wanted |= {
        (service.name, file.target.removeprefix("env/"))
        for service in prod.services
        for file in service.secret_files
        if file.target.startswith("env/")
    }

    assert len(wanted) > 250, "all of them are looked at"
    assert [] == sorted(wanted - rows.keys()), "say what they are for in docs/variables.ini"
    others = {key for key in rows.keys() - wanted if key[0] not in {program.name for program in PRESET.programs}}
    started = {(service.name, name) for service in prod.services for name in variables._exported(service)}
    assert others <= started, "what no service has is on no page"
    assert all(purpose.strip() and origin.strip() for purpose, origin in rows.values())
    assert "`jwt-secret` (generated)" == rows["supabase-auth", "GOTRUE_JWT_SECRET"][1]
    assert "`anon-key` (derived)" == rows["supabase-storage", "ANON_KEY"][1]
    assert "plain" == rows["n8n", "N8N_PORT"][1]
    assert "`host-agent-bearer-token` (generated)" == rows["host-agent", "HOST_AGENT_BEARER_TOKEN"][1]


@pytest.mark.req("S1-82")
def test_a_variable_that_nobody_has_explained_or_that_nobody_has_is_refused(tmp_path):
    (tmp_path / "docs").mkdir()
    text = (ROOT / variables.PURPOSES).read_text(encoding="utf-8")
    (tmp_path / variables.PURPOSES).write_text(text.replace("N8N_LOG_LEVEL:", "N8N_LOG_LEVELS:"), encoding="utf-8")

    with pytest.raises(BlueprintError) as refused:
        variables.page(PRESET, tmp_path)
    assert "n8n.N8N_LOG_LEVEL: is not in docs/variables.ini" in str(refused.value)
    assert "n8n.N8N_LOG_LEVELS: is in docs/variables.ini, and no service has it" in str(refused.value)


def test_each_example_of_settings_on_the_page_is_taken():
    examples = re.findall(r"^```yaml\n# Pulumi\.(\w+)\.yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    assert ["dev", "preprod", "prod"] == [stack for stack, _ in examples]
    for stack, text in examples:
        config = yaml.safe_load(text)["config"]
        settings = config["homeport:settings"]
        settings["waivers"] = {"placeholders": {"reason": "an example", "expires": "2027-01-31"}}
        plan = resolve(Configuration(stack, config | {"homeport:settings": json.dumps(settings)}), sealed=True)
        assert "vps-infrastructure" == plan.blueprint.preset
        assert stack == plan.blueprint.environment


def test_the_table_of_names_is_the_presets(prod):
    rows = re.findall(
        r"^\| `([a-z0-9-]+)\.example\.com[^`]*` \| `([^`]+)` \| `127\.0\.0\.1:(\d+)` \|",
        section("Names and ports"),
        re.MULTILINE,
    )
    wanted = {
        (route.name, route.service, str(port.outside))
        for route in prod.routes
        for port in prod.published(prod.service(route.service))
        if port.inside == route.port
    }

    assert wanted == {*rows}
    assert 6 == len(rows)


@pytest.mark.req("S1-78")
@pytest.mark.parametrize(
    ("topic", "commands"),
    [
        (
            "HostAgent: connection refused.",
            ("HOST=0.0.0.0", "systemctl status host-agent", "http://host.docker.internal:9000/health"),
        ),
        ("Container networking.", ("docker network ls", "ExtraHosts", "docker ps")),
        ("Service discovery.", ("ping", "nslookup", "getent hosts n8n", "http://n8n:5678/healthz")),
        ("It is slow, or killed.", ("docker stats", "df -h", "free -m")),
    ],
)
def test_the_page_says_what_to_type_when_something_is_wrong(topic, commands):
    text = section("Troubleshooting").partition(f"**{topic}**")[2].partition("\n\n**")[0]

    for command in commands:
        assert command in text, f"{topic} {command}"


def test_names_in_the_commands_of_the_page_are_the_containers(prod):
    names = {service.name for service in prod.services}
    typed = set(re.findall(r"docker (?:exec|logs -f|inspect) (?:-\w+ )?([a-z][\w.-]+)", PAGE))

    assert typed
    assert typed <= names
