"""What LiteLLM's configuration says: providers with keys by the name of a variable, models, budgets, cache."""

import json
import re

import pytest
import yaml

from catalog.budget_guard.service import OPTIONS
from catalog.budget_guard.service import SERVICE as GUARD
from catalog.litellm.service import SERVICE
from catalog.openclaw.service import SERVICE as OPENCLAW
from homeport.model import template
from tests.support.budget_model import APP, read
from tests.support.checkout import ROOT

CONFIG = yaml.safe_load((ROOT / "catalog/litellm/files/config.yaml").read_text())
MODELS = {model["model_name"]: model["litellm_params"] for model in CONFIG["model_list"]}
PASSED = CONFIG["general_settings"]["pass_through_endpoints"]
BUDGET = json.loads((ROOT / "apps/budget_guard/budget.json").read_text())
ECO = ("qwen3-coder", "deepseek-v3", "glm-5")


@pytest.mark.req("S5-30")
def test_every_provider_has_its_key_by_a_variable_that_a_secret_file_is():
    providers = {params["model"].partition("/")[0] for params in MODELS.values()}
    assert {"anthropic", "openai", "openrouter", "gemini"} <= providers
    variables = {file.target.removeprefix("env/") for file in SERVICE.secret_files}
    assert {"Bearer os.environ/BYTEPLUS_API_KEY"} == {row["headers"]["Authorization"] for row in PASSED}
    assert "BYTEPLUS_API_KEY" in variables
    for name, params in MODELS.items():
        where, _, variable = params["api_key"].partition("/")
        assert (where, True) == ("os.environ", variable in variables), f"{name}'s key is a file of mode 0400"


@pytest.mark.req("S5-31")
def test_the_eco_models_are_no_provider_s_that_may_be_spent():
    assert list(ECO) == BUDGET["eco_models"], "so they are always available"
    for name in ECO:
        assert MODELS[name]["model"].startswith("openrouter/"), "at OpenRouter all the same"


@pytest.mark.req("S5-33", "S5-34")
def test_the_budgets_of_providers_are_the_description_s_and_their_day_is_a_day_in_utc():
    assert {"anthropic": 0.75, "openai": 0.5, "openrouter": 3.25, "google": 0.25} == BUDGET["providers"]
    assert (5.0, 5.0) == (BUDGET["day_limit"], BUDGET["months"]["byteplus"]), "a month's is beside the day's"
    assert "provider_budget_config" not in CONFIG["router_settings"], "whose day is 24 hours from the first call"
    assert [] == [name for name, params in MODELS.items() if "max_budget" in params], "as a deployment's is"


@pytest.mark.req("S5-37", "S5-38")
def test_the_hook_is_in_it_and_every_file_that_it_needs_beside_it():
    assert ["budget_hook.hook"] == CONFIG["litellm_settings"]["callbacks"]
    targets = {file.target for file in (*SERVICE.files, *SERVICE.secret_files)}
    assert {"budget.json", "budget_hook.py", "redis_password"} <= targets
    for name in re.findall(r"^from (budget_\w+) import", text("budget_hook.py", "budget_litellm.py"), re.MULTILINE):
        assert f"{name}.py" in targets, name
    assert BUDGET["redis_password_file"] == f"{SERVICE.files_at}/redis_password"
    assert BUDGET["lease"] > CONFIG["litellm_settings"]["request_timeout"], "no call is under way longer"


def test_hook_and_guard_read_the_same_settings():
    (ours,), (guards,) = (
        [file.source for file in service.files if file.target == "budget.json"] for service in (SERVICE, GUARD)
    )
    assert ours == guards
    secrets = {f"{GUARD.files_at}/{file.target}" for file in GUARD.secret_files}
    assert {path for name, path in BUDGET.items() if name.endswith("_file")} == secrets, "it has each that they name"


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        ({}, tuple(BUDGET[name] for name in ("day_limit", "eco_reserve", "warning", "critical"))),
        (
            {
                "budget-day-limit": "7.50",
                "budget-eco-reserve": "0",
                "budget-warning": "0.5",
                "budget-critical": "0.75",
            },
            (7.5, 0.0, 0.5, 0.75),
        ),
    ],
)
def test_what_a_preset_lets_the_settings_choose_is_what_hook_and_guard_read(chosen, wanted, monkeypatch):
    values = {name: chosen.get(name, option.default) for name, option in OPTIONS.items()}
    for service in (SERVICE, GUARD):
        env = {name: word for name, word in service.env.items() if name.startswith("BUDGET_")}
        with monkeypatch.context() as variables:
            for name, word in env.items():
                variables.setenv(name, template.fill(word, values, template.TEXT))
            settings = read(APP / "budget.json")
        assert wanted == (settings.day_limit, settings.eco_reserve, settings.warning, settings.critical), service.name


def text(*names):
    return "".join((ROOT / "apps/budget_guard" / name).read_text() for name in names)


@pytest.mark.req("S5-32")
def test_a_limit_of_the_whole_proxy_is_written_where_the_description_has_it_and_nowhere_else():
    general = CONFIG["general_settings"]
    assert (5.0, "1d") == (general["max_budget"], general["budget_duration"]), "as the description has it"
    assert "max_budget" not in CONFIG["litellm_settings"], "there it would stay spent for good"
    bound = CONFIG["litellm_settings"]["upperbound_key_generate_params"]
    assert {"max_budget": "os.environ/BUDGET_DAY_LIMIT", "budget_duration": "1d"} == bound, "nor may a key spend more"


def test_the_semantic_cache_has_the_collection_and_its_dimensions():
    cache = CONFIG["litellm_settings"]["cache_params"]
    line = next(
        line for line in (ROOT / "catalog/qdrant/files/collections").read_text().splitlines() if "semantic" in line
    )
    name, dimensions, _ = line.split()
    assert (name, int(dimensions)) == (cache["qdrant_collection_name"], cache["qdrant_semantic_cache_vector_size"])
    assert cache["qdrant_semantic_cache_embedding_model"] in MODELS, "by a model that there is"


@pytest.mark.req("S5-31", "M-04")
def test_what_goes_to_openrouter_has_its_price_here_as_nobody_lists_it():
    for name, params in MODELS.items():
        if params["model"].startswith("openrouter/"):
            assert params["input_cost_per_token"] > 0 < params["output_cost_per_token"], f"{name} would be refused"


@pytest.mark.req("S5-34", "M-04")
def test_a_video_is_ordered_where_the_hook_has_a_price_of_it_and_looked_at_where_nothing_can_be_ordered():
    (order, look), (route,) = PASSED, BUDGET["routes"]
    assert [(route, ["POST"]), (route, ["GET"])] == [(row["path"], row["methods"]) for row in PASSED]
    assert not {"auth"} & {*order, *look}, "with false nobody needs a key, with true the administrator's alone would do"
    assert "include_subpath" not in order, "what is below that path the hook takes for a look"
    prices = {BUDGET["flat"][name] for name in BUDGET["flat"] if name.startswith(f"{BUDGET['routes'][route]}/")}
    assert {order["cost_per_request"]} == prices, "LiteLLM's records have the price that the hook reserves"
    assert max(order["timeout"], look["timeout"]) < BUDGET["lease"], "no call is under way longer"
    assert {BUDGET["routes"][route]} <= set(BUDGET["months"]), "on a budget of its own"


@pytest.mark.parametrize("service", [SERVICE, OPENCLAW], ids=lambda service: service.name)
def test_its_keys_begin_with_sk_whether_they_were_made_or_brought(service):
    texts = [
        file.template for file in service.secret_files if "litellm-" in file.template and "ui-" not in file.template
    ]
    for text in texts:
        (name,) = template.names(text)
        made, brought = (template.fill(text, {name: key}, template.TEXT) for key in ("a5" * 32, "sk-of-before"))
        assert ("sk-" + "a5" * 32, "sk-of-before") == (made, brought), name
    assert texts, "the services are not those that this test is about"


def test_no_key_is_written_into_it():
    text = (ROOT / "catalog/litellm/files/config.yaml").read_text()
    keys = re.findall(r"(?:_key|password): *([^,}\n]+)", text)
    assert keys and all(key.startswith("os.environ/") for key in keys), "it is read from a variable"
