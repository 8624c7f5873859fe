"""What LiteLLM's configuration says: providers with keys by the name of a variable, models, budgets, cache."""

import re

import pytest
import yaml

from catalog.litellm.service import SERVICE
from tests.support.checkout import ROOT

CONFIG = yaml.safe_load((ROOT / "catalog/litellm/files/config.yaml").read_text())
MODELS = {model["model_name"]: model["litellm_params"] for model in CONFIG["model_list"]}
ECO = ("qwen3-coder", "deepseek-v3", "glm-5")


@pytest.mark.req("S5-30")
def test_every_provider_has_its_key_by_a_variable_that_a_secret_file_is():
    providers = {params["model"].partition("/")[0] for params in MODELS.values()}
    assert {"anthropic", "openai", "openrouter", "gemini", "volcengine"} <= providers, "BytePlus is volcengine there"
    variables = {file.target.removeprefix("env/") for file in SERVICE.secret_files}
    for name, params in MODELS.items():
        where, _, variable = params["api_key"].partition("/")
        assert (where, True) == ("os.environ", variable in variables), f"{name}'s key is a file of mode 0400"


@pytest.mark.req("S5-31")
def test_the_eco_models_are_no_provider_s_that_may_be_spent():
    budgets = CONFIG["router_settings"]["provider_budget_config"]
    for name in ECO:
        assert MODELS[name]["model"].partition("/")[0] not in budgets, "so they are always available"
        assert (0.25, "1d") == (MODELS[name]["max_budget"], MODELS[name]["budget_duration"]), "each has its own"
        assert MODELS[name]["api_base"] == "https://openrouter.ai/api/v1", "at OpenRouter all the same"


@pytest.mark.req("S5-33")
def test_the_budgets_of_providers_are_the_description_s():
    budgets = CONFIG["router_settings"]["provider_budget_config"]
    written = {name: (budget["budget_limit"], budget["time_period"]) for name, budget in budgets.items()}

    assert written == {
        "anthropic": (0.75, "1d"),
        "openai": (0.5, "1d"),
        "openrouter": (3.25, "1d"),
        "gemini": (0.25, "1d"),
        "volcengine": (5.0, "30d"),
    }, "dollars of a day; video of a month, which no day's share is for"


def test_a_limit_of_the_whole_proxy_is_written_where_the_description_has_it_and_nowhere_else():
    general = CONFIG["general_settings"]
    assert (5.0, "1d") == (general["max_budget"], general["budget_duration"]), "as the description has it"
    assert "max_budget" not in CONFIG["litellm_settings"], "there it would stay spent for good"


def test_the_semantic_cache_has_the_collection_and_its_dimensions():
    cache = CONFIG["litellm_settings"]["cache_params"]
    line = next(
        line for line in (ROOT / "catalog/qdrant/files/collections").read_text().splitlines() if "semantic" in line
    )
    name, dimensions, _ = line.split()
    assert (name, int(dimensions)) == (cache["qdrant_collection_name"], cache["qdrant_semantic_cache_vector_size"])
    assert cache["qdrant_semantic_cache_embedding_model"] in MODELS, "by a model that there is"


def test_no_key_is_written_into_it():
    text = (ROOT / "catalog/litellm/files/config.yaml").read_text()
    keys = re.findall(r"(?:_key|password): *([^,}\n]+)", text)
    assert keys and all(key.startswith("os.environ/") for key in keys), "it is read from a variable"
