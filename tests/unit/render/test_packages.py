"""What a host needs of its distribution, and where each has it."""

from __future__ import annotations

import re

import pytest

from homeport.model.distribution import supported
from homeport.render import packages
from tests.support.checkout import ROOT


@pytest.mark.req("CA-04")
def test_the_page_about_hosts_lists_those_that_are_supported_and_no_other():
    rows = re.findall(r"^\| ([^|]+) \| [0-9]", (ROOT / "docs" / "hosts.md").read_text(), re.MULTILINE)

    assert list(supported().values()) == rows
    assert {"debian-12", "debian-13", "ubuntu-24.04"} == set(supported())


@pytest.mark.req("RW-01")
def test_docker_is_asked_for_by_both_of_its_commands():
    lines = packages.apply().splitlines()

    assert "need dockerd docker-ce,docker.io" in lines
    assert "need docker docker-ce-cli,docker-cli,docker.io" in lines, "docker.io has it in bookworm, not in trixie"


@pytest.mark.req("RW-07")
def test_apparmor_is_needed_only_where_the_kernel_has_it():
    (line,) = [line for line in packages.apply().splitlines() if "apparmor_parser" in line]

    assert line.endswith("|| need apparmor_parser apparmor"), line
    assert "/sys/module/apparmor/parameters/enabled" in line, line
