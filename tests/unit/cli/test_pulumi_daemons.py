"""Which hosts' daemons are asked what a killed run left there."""

import json
from types import SimpleNamespace

import pytest

from homeport.cli import pulumi_cli
from homeport.cli.pulumi_cli import PulumiCli
from homeport.cli.stack import Stack

URN = "urn:pulumi:prod::homeport::{}::{}"
RENTED = {"mode": "create", "server_type": "cx33", "location": "fsn1"}
SETTINGS = {"exposure": "direct", "hosts": {"main": RENTED, "hub": RENTED}}


def reach(name, address):
    environment = {"DOCKER_HOST": f"ssh://deploy@{address}:22"}
    return {
        "type": "homeport:host:Reach",
        "urn": URN.format("homeport:host:Reach", name),
        "outputs": {"environment": environment},
    }


def provider(name):
    return {"type": "pulumi:providers:docker", "urn": URN.format("pulumi:providers:docker", name), "id": "1"}


def asked(monkeypatch, *resources):
    pulumi = PulumiCli(stack=Stack(name="prod", preset="ai-orchestrator", settings=SETTINGS), environ={})
    monkeypatch.setattr(PulumiCli, "state", lambda _: {"resources": list(resources)})
    assert [*pulumi.daemons_by_host().values()] == pulumi.daemons()
    return {host: daemon["DOCKER_HOST"] for host, daemon in pulumi.daemons_by_host().items()}


@pytest.mark.req("D-01", "D-03")
def test_a_host_without_its_docker_provider_is_not_asked(monkeypatch):
    there = (reach("reach", "192.0.2.1"), reach("hub-reach", "192.0.2.2"), provider("hub-docker"))

    assert {"hub": "ssh://deploy@192.0.2.2:22"} == asked(monkeypatch, *there), (
        "the machine has no Docker yet, or is deleted already: to ask it would end every repair"
    )


def test_every_host_with_a_docker_provider_is_asked(monkeypatch):
    there = (reach("reach", "192.0.2.1"), reach("hub-reach", "192.0.2.2"), provider("hub-docker"), provider("docker"))

    both = {"main": "ssh://deploy@192.0.2.1:22", "hub": "ssh://deploy@192.0.2.2:22"}
    assert both == asked(monkeypatch, *there), "both are ready"


@pytest.mark.req("NW-11")
@pytest.mark.parametrize(("backend", "expected"), [("file://{}", ["new"]), ("https://api.example.com", [])])
def test_plain_pulumi_finds_every_stack_that_has_a_file(monkeypatch, tmp_path, backend, expected):
    made = []
    for name in ("new", "old"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    state = tmp_path / "a b 100%" / ".pulumi" / "stacks" / "homeport" / "old.json"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    address = (tmp_path / "a b 100%").as_uri() if backend.startswith("file") else backend
    monkeypatch.setattr(pulumi_cli, "ROOT", tmp_path)
    monkeypatch.setattr(pulumi_cli, "read", lambda name: Stack(name=name, preset="", settings={}))
    monkeypatch.setattr(
        pulumi_cli, "prepared", lambda stack: PulumiCli(stack=stack, environ={"PULUMI_BACKEND_URL": address})
    )
    monkeypatch.setattr(pulumi_cli, "module", lambda *argv, quiet: made.append(argv[-1]))  # noqa: ARG005
    pulumi_cli.make_stacks()

    assert expected == made, "prod is there without a preview having made it, and what is there is left alone"


def test_a_state_in_a_folder_is_read_without_pulumi_and_its_secrets_stay_masked(tmp_path):
    envelope = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}
    outputs = {"services": {"a": {"container": "a"}}, "credentials": envelope, "list": [envelope]}
    rows = [{"type": "pulumi:pulumi:Stack", "urn": "u", "outputs": outputs}]
    file = tmp_path / ".pulumi/stacks/homeport/dev.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "dev", "latest": {"resources": rows}}}))
    pulumi = PulumiCli(stack=SimpleNamespace(name="dev"), environ={"PULUMI_BACKEND_URL": f"file://{tmp_path}"})

    assert {"resources": rows} == pulumi.state(), "a command of Pulumi's costs a third of a second"
    assert {"services": {"a": {"container": "a"}}, "credentials": "[secret]", "list": ["[secret]"]} == pulumi.outputs()


@pytest.mark.parametrize("text", ["", "{", '{"version": 4, "checkpoint": {}}', '{"version": 3}'])
def test_a_state_of_another_form_is_pulumis_to_read(tmp_path, monkeypatch, text):
    file = tmp_path / ".pulumi/stacks/homeport/dev.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    monkeypatch.setattr(PulumiCli, "ask", lambda *_, **__: '{"deployment": {"resources": ["asked"]}}')
    pulumi = PulumiCli(stack=SimpleNamespace(name="dev"), environ={"PULUMI_BACKEND_URL": f"file://{tmp_path}"})

    assert {"resources": ["asked"]} == pulumi.state()
