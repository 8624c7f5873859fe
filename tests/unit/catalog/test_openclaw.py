"""What OpenClaw's configuration says: who may call it, where its models come from, and what its tools may not do."""

import json

import pytest

from catalog.openclaw.service import SERVICE
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
    assert {"env/OPENCLAW_API_KEY", "env/LITELLM_API_KEY"} == keys, "no provider's key is in its container"


def test_whoever_calls_it_has_its_token_which_is_no_part_of_the_file():
    auth = CONFIG["gateway"]["auth"]
    assert ("token", "${OPENCLAW_GATEWAY_TOKEN}") == (auth["mode"], auth["token"]), "a variable that start.sh reads"
    assert ["${OPENCLAW_ORIGIN}"] == CONFIG["gateway"]["controlUi"]["allowedOrigins"], "its page is of its public name"
    assert ["${OPENCLAW_PROXIES}", "${OPENCLAW_CALLERS}"] == CONFIG["gateway"]["trustedProxies"], (
        "it believes the proxy, and n8n, on whose behalf they ask"
    )
    asked_from = SERVICE.env["OPENCLAW_PROXIES"], SERVICE.env["OPENCLAW_CALLERS"]
    assert ("{subnet:backend}", "{subnet:egress}") == asked_from, "the networks that these share with it"


def test_its_tools_run_no_program_and_it_has_no_socket():
    assert {"group:runtime", "group:fs"} <= set(CONFIG["tools"]["deny"]), "not beside the databases"
    assert CONFIG["tools"]["elevated"] == {"enabled": False}, "nor by another way"
    assert not SERVICE.binds and not SERVICE.capabilities, "Docker's socket is not there"
    assert ("backend", "egress", "sandbox") == SERVICE.networks, "where the description has it"
