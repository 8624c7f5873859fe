"""What OpenClaw's configuration says: who may call it, where its models come from, and what its tools may not do."""

import json

import pytest

from catalog.litellm.service import SERVICE as LITELLM
from catalog.openclaw.service import SERVICE
from catalog.openclaw_sandbox.service import SERVICE as SANDBOX
from homeport.model.template import names
from tests.support.checkout import ROOT
from tests.unit.catalog.test_litellm import MODELS

CONFIG = json.loads((ROOT / "catalog/openclaw/files/openclaw.json").read_text())


@pytest.mark.req("S5-43")
def test_its_models_come_by_litellm_alone():
    providers = CONFIG["models"]["providers"]
    assert ["litellm"] == list(providers) and CONFIG["models"]["mode"] == "replace", "no provider is added to it"
    assert "http://litellm:4000/v1" == providers["litellm"]["baseUrl"], "by its address on the network"
    assert {model["id"] for model in providers["litellm"]["models"]} <= set(MODELS), "by names that LiteLLM has"
    keys = {file.target for file in SERVICE.secret_files}
    of_the_sandbox = {"sandbox/key", "sandbox/known_hosts"}
    own = {"env/OPENCLAW_API_KEY", "env/OPENCLAW_GATEWAY_TOKEN", "env/LITELLM_API_KEY"}
    assert own | of_the_sandbox == keys, "no provider's key is there"


def test_its_key_at_litellm_is_its_own_and_the_administrators_is_nowhere_in_it():
    (ours,) = (file.template for file in SERVICE.secret_files if file.target == "env/LITELLM_API_KEY")
    assert [ours] == [file.template for file in LITELLM.secret_files if file.target == "clients/openclaw"]
    secrets = {
        *(each.name for each in SERVICE.secrets),
        *(n for file in SERVICE.secret_files for n in names(file.template)),
    }
    assert "litellm-master-key" not in secrets and "litellm-openclaw-key" in secrets


def test_whoever_calls_it_has_its_token_which_is_no_part_of_the_file():
    auth = CONFIG["gateway"]["auth"]
    assert ("token", "${OPENCLAW_GATEWAY_TOKEN}") == (auth["mode"], auth["token"]), "a variable that start.sh reads"
    assert ["${OPENCLAW_ORIGIN}"] == CONFIG["gateway"]["controlUi"]["allowedOrigins"], "its page is of its public name"
    assert ["${OPENCLAW_PROXIES}", "${OPENCLAW_CALLERS}"] == CONFIG["gateway"]["trustedProxies"], (
        "it believes the proxy, and n8n, on whose behalf they ask"
    )
    asked_from = SERVICE.env["OPENCLAW_PROXIES"], SERVICE.env["OPENCLAW_CALLERS"]
    assert ("{subnet:backend}", "{subnet:egress}") == asked_from, "the networks that these share with it"


def test_its_programs_run_in_the_sandbox_or_nowhere():
    sandbox, ssh = CONFIG["agents"]["defaults"]["sandbox"], CONFIG["agents"]["defaults"]["sandbox"]["ssh"]
    assert ("all", "ssh", "none") == (sandbox["mode"], sandbox["backend"], sandbox["workspaceAccess"])
    assert f"agent@{SANDBOX.name}:2222" == ssh["target"] and ssh["strictHostKeyChecking"], "the one whose key it has"
    assert not ssh["updateHostKeys"], "and no other one's"
    assert "sandbox" == CONFIG["tools"]["exec"]["host"], "where there is none, a program is refused"
    assert "group:fs" in CONFIG["tools"]["deny"], "file tools would be the gateway's, where a session has no sandbox"
    assert CONFIG["tools"]["elevated"] == {"enabled": False}, "nor by another way"
    assert not SERVICE.binds and not SERVICE.capabilities, "Docker's socket is not there"
    assert ("backend", "egress", "sandbox") == SERVICE.networks, "where the description has it"


def test_the_sandbox_is_on_its_network_alone_and_has_no_secret_of_another():
    assert ("sandbox",) == SANDBOX.networks
    assert not SANDBOX.binds and not SANDBOX.volumes and not SANDBOX.capabilities and not SANDBOX.env
    secrets = {name for file in SANDBOX.secret_files for name in names(file.template)}
    assert {"openclaw-sandbox-host-key", "openclaw-sandbox-key-public"} == secrets, "its own name, and whom it admits"
    config = (ROOT / "catalog/openclaw_sandbox/files/sshd_config").read_text().splitlines()
    wanted = {
        "AllowUsers agent",
        "AuthenticationMethods publickey",
        "PasswordAuthentication no",
        "DisableForwarding yes",
    }
    assert wanted <= {*config}, "one user, by the gateway's key, to run programs and nothing else"
