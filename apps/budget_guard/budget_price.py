"""What a call can cost at most, before it is made. What has no bound is refused, not guessed."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from budget_ledger import Settings, nano

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ANSWERS: Final = {
    "acompletion": ("max_tokens", "max_completion_tokens"),
    "atext_completion": ("max_tokens",),
    "anthropic_messages": ("max_tokens",),
    "aresponses": ("max_output_tokens",),
}
"""Kinds of calls that are answered with tokens, and what limits the answer; the first is set where none is."""
_EMBEDDINGS: Final = ("aembedding",)
_ELSEWHERE: Final = ("models", "route", "plugins", "provider", "web_search_options", "mcp_servers", "container")
"""Parameters that let a provider choose another model, another price, or work that it bills apart."""
_INPUT: Final = (
    "messages",
    "input",
    "prompt",
    "system",
    "instructions",
    "tools",
    "functions",
    "response_format",
    "text",
)
_NOT_TEXT: Final = re.compile(r'"(image_url|input_image|image|input_audio|audio|file|input_file|document|video_url)"')
_STORED: Final = ("previous_response_id", "conversation", "prompt_id")
_PER_PART: Final = 16
"""Tokens beside its text that a message or a part of one can have: role, separators, names."""
_TOOLS: Final = 2048
"""Tokens of the instructions that a provider adds where there are tools."""
_TIER: Final = re.compile(r"_above_(\d+)k_tokens")


class UnpricedError(Exception):
    """There is no telling what it can cost."""


def limit_answer(data: dict[str, Any], call_type: str, settings: Settings) -> None:
    """Gives a call that names no limit of its answer the usual one."""
    names = _ANSWERS.get(call_type, ())
    if names and not any(name in source for name in names for source in _sources(data)):
        data[names[0]] = settings.longest_answer


def worst_case(
    data: Mapping[str, Any],
    call_type: str,
    deployment: Mapping[str, Any],
    settings: Settings,
    listed: Callable[[str], Mapping[str, Any]],
) -> int:
    """What the call can cost at most.

    Args:
        data: The request.
        call_type: Its kind, as LiteLLM calls it.
        deployment: What serves it.
        settings: The budget.
        listed: What LiteLLM's list has of a model, empty where it has none.

    Returns:
        Nano-dollars of one attempt.

    Raises:
        UnpricedError: It has no bound.
    """
    params = deployment.get("litellm_params") or {}
    model = str(params.get("model") or data.get("model") or "")
    if model in settings.flat:
        return fixed_price(model, settings)
    if call_type not in _ANSWERS and call_type not in _EMBEDDINGS:
        raise UnpricedError(f"calls of {call_type} have no price per token, and {model} no price in `flat`")
    for source in _sources(data):
        for name in _ELSEWHERE:
            if source.get(name):
                raise UnpricedError(f"{name} lets the provider choose what it bills")
    prices = _prices(model, deployment, listed)
    asked = _asked(data, prices)
    cost = asked * _price(prices, "input", asked, data, model)
    if call_type in _ANSWERS:
        cost += _answered(data, call_type, prices) * _price(prices, "output", asked, data, model)
    return nano(cost)


def fixed_price(model: str, settings: Settings) -> int:
    """Nano-dollars of a call of what is not priced by token.

    Raises:
        UnpricedError: It has no price.
    """
    return nano(_above_zero("a call", model, settings.flat.get(model)))


def _sources(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The request, and what it adds to the provider's body as it is."""
    yield data
    if isinstance(data.get("extra_body"), dict):
        yield data["extra_body"]


def _prices(model: str, deployment: Mapping[str, Any], listed: Callable[[str], Mapping[str, Any]]) -> dict[str, Any]:
    """All that is known of a deployment's model: LiteLLM's list, under what its own configuration says."""
    info, params = deployment.get("model_info") or {}, deployment.get("litellm_params") or {}
    known: dict[str, Any] = {}
    for name in (model, str(info.get("base_model") or "")):
        known |= {key: value for key, value in listed(name).items() if value is not None} if name else {}
    for source in (info, params):
        known |= {key: value for key, value in source.items() if "cost" in key and value is not None}
        known |= {key: source[key] for key in ("max_input_tokens", "max_output_tokens") if source.get(key)}
    return known


def _price(prices: Mapping[str, Any], side: str, asked: int, data: Mapping[str, Any], model: str) -> float:
    """The highest price of a token that a call of this kind can be billed with."""
    highest = _above_zero(f"a token of its {side}", model, prices.get(f"{side}_cost_per_token"))
    text = json.dumps({name: data[name] for name in (*_INPUT, "modalities", "audio") if data.get(name)}, default=str)
    families = (f"{side}_cost_per_", "cache_creation_input_token_cost") if side == "input" else (f"{side}_cost_per_",)
    for name, value in prices.items():
        if name.startswith(families) and _applies(name, asked, text, data):
            highest = max(highest, _above_zero(name, model, value, zero=True))
    return highest


def _applies(name: str, asked: int, text: str, data: Mapping[str, Any]) -> bool:
    tier = _TIER.search(name)
    if (tier and asked <= int(tier[1]) * 1000) or ("_priority" in name and not data.get("service_tier")):
        return False
    if name.startswith("cache_creation"):
        return "cache_control" in text
    if "_audio_token" in name:
        return "audio" in text
    return "_token" in name


def _above_zero(what: str, model: str, value: Any, *, zero: bool = False) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or (value == 0 and not zero):
        raise UnpricedError(f"{model} has no price for {what}: {value!r}")
    return float(value)


def _asked(data: Mapping[str, Any], prices: Mapping[str, Any]) -> int:
    """Tokens of the input at most: a token has at least one byte, and no input is longer than the model takes."""
    text = json.dumps({name: data[name] for name in _INPUT if data.get(name)}, default=str, ensure_ascii=False)
    for tool in data.get("tools") or []:
        kind = tool.get("type", "function") if isinstance(tool, dict) else ""
        if kind not in ("function", "custom"):
            raise UnpricedError(f"a tool of type {kind!r} is run and billed by the provider")
    longest = prices.get("max_input_tokens")
    known = isinstance(longest, int) and longest > 0
    if _NOT_TEXT.search(text) or any(data.get(name) for name in _STORED):
        if not known:
            raise UnpricedError("it is more than text, and nobody knows how much the model takes")
        return int(longest or 0)
    parts = text.count("{") + 2
    bound = (
        len(text.encode("utf-8", "replace"))
        + parts * _PER_PART
        + (_TOOLS if data.get("tools") or data.get("functions") else 0)
    )
    return min(bound, int(longest or 0)) if known else bound


def _answered(data: Mapping[str, Any], call_type: str, prices: Mapping[str, Any]) -> int:
    """Tokens of all answers together at most."""
    limits, choices = [], [1]
    for source in _sources(data):
        limits += [source[name] for name in _ANSWERS[call_type] if source.get(name) is not None]
        choices += [source[name] for name in ("n", "best_of") if source.get(name) is not None]
    longest = prices.get("max_output_tokens")
    if any(data.get(name) for name in ("thinking", "reasoning_effort", "reasoning")):
        # LiteLLM raises the limit of the answer by what the model may think.
        limits = [longest]
    if not limits or not all(isinstance(number, int) and 0 < number < 2**31 for number in [*limits, *choices]):
        raise UnpricedError(f"the answer has no limit: {limits}, {choices}")
    return int(max(limits) * math.prod(choices))
