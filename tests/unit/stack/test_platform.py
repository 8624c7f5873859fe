"""The graph of vps-infrastructure on an adopted host: its programs, its folder, its names, and a service more."""

from __future__ import annotations

import subprocess

import pytest

from homeport.cli import docs
from homeport.cli.places import ROOT
from tests.unit.stack.one_more import NOTES
from tests.unit.stack.test_direct import delivered
from tests.unit.stack.test_graph import ADOPTED, COMMAND, CONTAINER, RENTED, RENTED_SECRETS
from tests.unit.stack.test_names import SECRETS, ZONE, records

SIX = ("ai-dev", "airflow", "dtc", "n8n", "registry", "supabase")


def test_programs_and_the_folder_of_the_configuration_are_laid_on_the_host(build):
    graph = build(ADOPTED, {}, "vps-infrastructure", stack="prod")
    names = {command["name"] for command in graph.all(COMMAND)}
    laid = {"checkout-files", "checkout-ground-files", "program-host-agent-files", "program-backups-files"}

    assert {*laid, "program-deployments-files"} <= names


@pytest.mark.req("S1-39")
def test_each_of_the_six_names_is_a_record_that_leads_to_the_host(build):
    graph = build({**ADOPTED, "cloudflare": ZONE}, SECRETS, "vps-infrastructure", stack="prod")

    assert {
        f"dns-{name}-a": ("A", f"{name}.example.com", "203.0.113.7", False, 300, ZONE["zone_id"]) for name in SIX
    } == records(graph), "and no AAAA: the proxy is published at IPv4 addresses"


@pytest.mark.req("S1-39")
def test_of_a_rented_host_they_lead_to_the_address_that_stays(build):
    graph = build({**RENTED, "exposure": "direct"}, RENTED_SECRETS, "vps-infrastructure", stack="prod")

    assert [("A", f"{name}.example.com", "203.0.113.10") for name in SIX] == sorted(
        found[:3] for found in records(graph).values()
    )


@pytest.mark.req("S1-79")
def test_one_entry_of_the_catalog_and_a_route_are_all_that_a_service_more_takes(build, tmp_path):
    settings = {**ADOPTED, "cloudflare": ZONE}
    graph = build(settings, SECRETS, "one-more", stack="prod", **{"one-more": "tests.unit.stack.one_more"})
    template = graph.one(CONTAINER, "notes-container")["inputs"]
    caddyfile = next(
        text for name, text in delivered(graph, "caddy-routes-taken").items() if name.endswith("Caddyfile")
    )

    assert "supabase_default" == template["networkMode"]
    assert ("notes-template", False) == (template["name"], template["start"]), "what a deployment copies"
    assert [command for command in graph.all(COMMAND) if "deployed.sh apply notes" in str(command["inputs"])]
    assert "notes.example.com" in caddyfile, "the proxy has its site"
    assert "127.0.0.1:8085" in caddyfile, "which leads to its port"
    assert "notes.example.com" == records(graph)["dns-notes-a"][1]
    assert "/docker-compose/notes/docker-compose.yml" in delivered(graph, "checkout-files")["bundle/list"]
    assert "| `notes` | Notes of a small team |" in docs._row(NOTES), "its line in the catalog's page"

    made = ["sh", ROOT / "apps" / "deployments" / "new-workflow.sh", "notes", "8085", tmp_path]
    subprocess.run(made, check=True, capture_output=True, timeout=120)
    workflow = (tmp_path / ".github" / "workflows" / "deploy-notes.yml").read_text(encoding="utf-8")
    assert 'deploy-service.sh" notes' in workflow
