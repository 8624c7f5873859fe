"""What a call can cost at most: never less than any bill of it, and refused where nobody can say."""

from __future__ import annotations

import json

import pytest
from budget_ledger import BudgetError, Settings, nano, read
from budget_price import UnpricedError, limit_answer, worst_case

SETTINGS = Settings(flat={"maker/film": 0.5})
PRICES = {
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 2e-6,
    "cache_creation_input_token_cost": 1.25e-6,
    "input_cost_per_token_above_200k_tokens": 4e-6,
    "output_cost_per_token_priority": 9e-6,
    "output_cost_per_reasoning_token": 3e-6,
    "max_input_tokens": 1_000_000,
    "max_output_tokens": 8_000,
}


def worst(data, kind="acompletion", prices=PRICES, model="openai/gpt", **params):
    deployment = {"model_name": "gpt", "litellm_params": {"model": model, **params}, "model_info": {}}
    return worst_case(data, kind, deployment, SETTINGS, lambda _: prices)


def talk(text="hello", **more):
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 100, **more}


def test_input_is_bounded_by_its_bytes_and_output_by_its_limit():
    cost = worst(talk("ä" * 1000))
    assert nano(2000 * 1e-6 + 100 * 3e-6) <= cost <= nano(2400 * 1e-6 + 100 * 3e-6)
    assert cost < worst(talk("ä" * 1000, n=3)) < worst(talk("ä" * 1000, n=3, max_tokens=200))


@pytest.mark.parametrize(
    "dearer",
    [
        talk(service_tier="priority"),
        talk(reasoning_effort="high"),
        talk(extra_body={"max_tokens": 5000}),
        talk(tools=[{"type": "function", "function": {"name": "f"}}]),
        {**talk(), "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
        {**talk(), "messages": [{"role": "user", "content": "hello", "cache_control": {"type": "ephemeral"}}]},
        talk(max_completion_tokens=7000),
    ],
)
def test_what_can_cost_more_is_reserved_with_more(dearer):
    assert worst(dearer) > worst(talk())


def test_a_long_input_is_priced_as_a_long_one():
    short, long = worst(talk("x" * 190_000)), worst(talk("x" * 210_000))
    assert long > 4 * short * 0.9


def test_an_image_is_bounded_by_what_the_model_takes_and_refused_where_that_is_unknown():
    image = {**talk(), "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}
    assert worst(image) >= nano(1_000_000 * 4e-6)
    with pytest.raises(UnpricedError):
        worst(image, prices={key: value for key, value in PRICES.items() if key != "max_input_tokens"})


@pytest.mark.req("M-04")
@pytest.mark.parametrize("value", [None, 0, 0.0, -1e-6, float("nan"), float("inf"), True, "0.1"])
@pytest.mark.parametrize("side", ["input_cost_per_token", "output_cost_per_token"])
def test_a_price_that_is_none_refuses_the_call(side, value):
    with pytest.raises(UnpricedError):
        worst(talk(), prices={**PRICES, side: value})


def test_a_price_of_the_deployment_goes_before_the_list():
    assert worst(talk(), input_cost_per_token=1.0) > nano(10.0)


@pytest.mark.parametrize(
    "data",
    [
        talk(max_tokens=None),
        talk(max_tokens=0),
        talk(max_tokens=-5),
        talk(max_tokens="10"),
        talk(n=-1),
        talk(n=0),
        talk(max_tokens=2**40),
        talk(models=["costly"]),
        talk(extra_body={"models": ["costly"]}),
        talk(extra_body={"plugins": [{"id": "web"}]}),
        talk(web_search_options={"search_context_size": "high"}),
        talk(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
        talk(tools=["text"]),
    ],
)
def test_a_call_without_a_bound_is_refused(data):
    with pytest.raises(UnpricedError):
        worst(data)


def test_kinds_without_a_price_per_token_need_one_per_call():
    assert nano(0.5) == worst({"prompt": "a film"}, "avideo_generation", {}, "maker/film")
    for kind in ("aimage_generation", "atranscription", "pass_through_endpoint"):
        with pytest.raises(UnpricedError):
            worst({"prompt": "x"}, kind)


def test_an_embedding_costs_its_input_alone():
    assert worst({"input": "x" * 100}, "aembedding", {"input_cost_per_token": 1e-6}) <= nano(200e-6)


def test_a_call_that_names_no_limit_gets_the_usual_one():
    for kind, name in (("acompletion", "max_tokens"), ("aresponses", "max_output_tokens")):
        data = {"messages": []}
        limit_answer(data, kind, SETTINGS)
        assert 4096 == data[name]
    for data in ({"max_completion_tokens": 5}, {"extra_body": {"max_tokens": 5}}):
        limit_answer(data, "acompletion", SETTINGS)
        assert "max_tokens" not in data


@pytest.mark.parametrize(
    ("about", "word"),
    [
        ({"day_limit": float("nan")}, "day_limit"),
        ({"day_limit": -1}, "day_limit"),
        ({"providers": {"openai": "a lot"}}, "providers.openai"),
        ({"warning": 0.95}, "shares"),
        ({"eco_reroute": "gpt"}, "eco_reroute"),
        ({"offline": 6.0}, "offline"),
        ({"months": {"openai": 1.0}}, "months"),
        ({"day_limt": 5.0}, "day_limt"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_with_what_helps(tmp_path, about, word):
    file = tmp_path / "budget.json"
    file.write_text(json.dumps(about))
    with pytest.raises(BudgetError, match=word) as problem:
        read(file)
    assert "\nfix: " in str(problem.value)


def test_the_settings_that_are_laid_are_the_ones_of_the_description():
    from pathlib import Path

    settings = read(Path(__file__).parents[1] / "budget.json")
    assert (5.0, 0.7, 0.9, 1.0, 0.25) == (
        settings.day_limit,
        settings.warning,
        settings.critical,
        settings.blocked,
        settings.eco_reserve,
    )
    assert {"anthropic": 0.75, "openai": 0.5, "openrouter": 3.25, "google": 0.25} == settings.providers
    assert {"byteplus": 5.0, "brave": 5.0} == settings.months, "a search of the web is no model's, and has its own"
    assert ("qwen3-coder", "deepseek-v3", "glm-5") == settings.eco_models


def test_eco_models_are_on_no_providers_budget():
    assert ("eco", "openrouter", "google") == (
        SETTINGS.scope("openrouter", "glm-5"),
        SETTINGS.scope("openrouter", "opus"),
        SETTINGS.scope("vertex_ai", "gemini"),
    )
