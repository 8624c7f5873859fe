"""The graph of vps-infrastructure on an adopted host: its programs and the folder of its configuration."""

from __future__ import annotations

from tests.unit.stack.test_graph import ADOPTED, COMMAND


def test_programs_and_the_folder_of_the_configuration_are_laid_on_the_host(build):
    graph = build(ADOPTED, {}, "vps-infrastructure", stack="prod")
    names = {command["name"] for command in graph.all(COMMAND)}

    assert {"checkout-files", "checkout-ground-files", "program-host-agent-files", "program-backups-files"} <= names
