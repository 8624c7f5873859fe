"""LiteLLM's side of the budget: no call leaves before its worst case is reserved.

A request goes through these, in LiteLLM 1.108.7:

1. `async_pre_call_hook`, once: mode, rerouting, a limit of the answer, and the reservation of the first attempt. A
   refusal here is told to the client at once; from a deployment's hook the router would try again.
2. `async_pre_call_deployment_hook`, for every attempt, retry, fallback and call that LiteLLM makes by itself
   (semantic cache, tools): each has a reservation or does not leave.
3. `async_post_call_failure_deployment_hook`: an attempt that the provider itself refused is free; any other counts
   whole.
4. `async_log_success_event`: the reservation is settled with what LiteLLM computed from the provider's usage. Where
   that is no trustworthy figure (none, 0, a stream without its end) it counts whole.

Who never gets to 3 or 4 was killed: the lease ends, and it counts whole.

What LiteLLM passes through as it is (`pass_through_endpoints`) goes by 1 and 4 alone, and has no usage: it has a fixed
price (`routes`), or does not leave. How one failed is told to `async_post_call_failure_hook`.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import litellm
from budget_cache import stand_before_semantic_cache
from budget_ledger import NANO, RESETS, Ledger, Settings, nano, secret
from budget_price import UnpricedError, fixed_price, limit_answer, worst_case
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException
from redis import asyncio as redis_async
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

_log: Final = logging.getLogger("budget")
_MODE_CACHED: Final = 5.0
_AWAY: Final = (RedisError, OSError, TimeoutError)
_PASSED: Final = ("pass_through_endpoint", "allm_passthrough_route")
_NEVER_LEFT: Final = ("ConnectError", "ConnectTimeout")
"""Names of httpx's errors of a request that found nobody."""
_WORDS: Final = {
    "eco": "eco mode: only eco models are served",
    "blocked": "the day's budget is spent: only eco models are served",
    "total": "the day's budget has no room for this call",
    "scope": "the budget of {scope} has no room for this call",
    "unknown": "what was spent today is not known yet",
    "away": "the ledger cannot be reached",
}
_TYPES: Final = {
    "eco": "budget_eco",
    "blocked": "budget_blocked",
    "total": "budget_blocked",
    "scope": "budget_provider",
}


class RefusedError(ProxyException):
    """A call that does not leave, in the shape that clients get.

    Args:
        kind: `budget_eco`, `budget_blocked`, `budget_provider`, `budget_unavailable` or `budget_unpriced`.
        message: Why, and when that ends.
        eco_models: What is served all the same.
        status: HTTP status.
    """

    def __init__(self, kind: str, message: str, eco_models: tuple[str, ...], status: int = 429) -> None:
        super().__init__(message=message, type=kind, param=None, code=status)
        self.status_code, self._eco_models = status, list(eco_models)

    def to_dict(self) -> dict[str, Any]:
        """What `error` holds."""
        return {"type": self.type, "message": self.message, "code": self.code, "eco_models": self._eco_models}


@dataclass(slots=True)
class Held:
    """A reservation: of the ledger, or, without an identity, of the allowance for when Redis is away."""

    identity: str
    scope: str
    cost: int


@dataclass(slots=True)
class Call:
    """One request.

    Attributes:
        first: Reserved before the router has chosen a deployment.
        attempts: By deployment, those that are under way.
        ended: Whether a stream came to its end.
    """

    first: Held | None = None
    attempts: dict[str, Held] = field(default_factory=dict)
    ended: bool = False


class Allowance:
    """What this process may spend while Redis is away: a part of the day's limit that nobody else may spend.

    Args:
        limit: Nano-dollars a day.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._day, self._spent = limit, 0, 0
        self.unbooked: list[tuple[str, int]] = []

    def take(self, cost: int) -> bool:
        """Whether that much is left, and taken now."""
        today = int(time.time()) // 86400
        if today != self._day:
            self._day, self._spent = today, 0
        if self._spent + cost > self._limit:
            return False
        self._spent += cost
        return True

    def settle(self, held: Held, actual: int | None) -> None:
        """Gives back what was not spent; the rest is booked when Redis is back."""
        charged = held.cost if actual is None else actual
        self._spent -= held.cost - min(charged, held.cost)
        if charged:
            self.unbooked.append((held.scope, charged))


class BudgetHook(CustomLogger):
    """See the module.

    Args:
        settings: The budget.
        client: Of Redis; without one it is made of the settings.
    """

    def __init__(self, settings: Settings, client: Any = None) -> None:
        super().__init__()
        self.settings = settings
        # Who finds all connections in use waits for one: a hundred calls at once are no outage of Redis.
        self._client = client or redis_async.Redis(
            connection_pool=redis_async.BlockingConnectionPool.from_url(
                settings.redis,
                password=secret(settings.redis_password_file) or None,
                decode_responses=True,
                max_connections=20,
                timeout=20,
                socket_timeout=5,
                socket_connect_timeout=2,
            )
        )
        self._ledger = Ledger(self._client, settings.prefix)
        self._allowance = Allowance(nano(settings.offline))
        self._unsettled: list[tuple[str, int | None]] = []
        # What LiteLLM knows of requests that are passed through, by their names, as long as they are under way.
        self._passed: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        self._mode, self._asked = "", -math.inf

    # What LiteLLM calls.

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        """Mode, rerouting and the first reservation."""
        del cache
        stand_before_semantic_cache(self._client, self.settings.prefix)
        mode = await self._known_mode()
        if call_type in _PASSED:
            return await self._passed_through(data, str(user_api_key_dict.request_route or ""))
        try:
            return await self._admitted(data, call_type, mode)
        except RefusedError as refused:
            # The mode that was known is up to five seconds old, and the ledger's is not: eco has begun meanwhile.
            if mode != "normal" or refused.type != "budget_eco" or not self.settings.eco_reroute:
                raise
            return await self._admitted(data, call_type, "eco")

    async def _admitted(self, data: dict[str, Any], call_type: str, mode: str) -> dict[str, Any]:
        """What the call is in a mode, with the first reservation."""
        group = str(data.get("model") or "")
        deployments = _deployments(group)
        if mode != "normal" and deployments and not all(self._exempt(row) for row in deployments):
            if mode != "eco" or not self.settings.eco_reroute:
                raise self._refusal(mode)
            data["model"] = group = self.settings.eco_reroute
            deployments = _deployments(group)
        for name in ("metadata", "litellm_metadata"):
            if isinstance(data.get(name), dict):
                data[name]["budget_mode"] = mode
        logged = data.get("litellm_logging_obj")
        if logged is None or not deployments:
            # What no deployment serves LiteLLM refuses by itself; whatever else leaves goes by the deployment's hook.
            return data
        limit_answer(data, call_type, self.settings)
        call = logged.model_call_details["budget_call"] = Call()
        wanted = [self._wanted(data, call_type, row) for row in deployments]
        if len({scope for scope, _ in wanted}) == 1:
            call.first = await self._reserve(wanted[0][0], max(cost for _, cost in wanted))
        return data

    async def _passed_through(self, data: dict[str, Any], route: str) -> dict[str, Any]:
        """A call that LiteLLM hands on as it is, with its reservation; one that only looks (config.yaml) needs none."""
        scope = self.settings.routes.get(route)
        if scope is None:
            if any(route.startswith(f"{known}/") for known in self.settings.routes):
                return data
            raise self._unpriced("a call that is passed through has no price")
        try:
            cost = fixed_price(f"{scope}/{data.get('model')}", self.settings)
        except UnpricedError as problem:
            raise self._unpriced(str(problem)) from None
        logged, call = data["litellm_logging_obj"], Call()
        call.attempts[route] = await self._reserve(scope, cost)
        # LiteLLM's own records, which the guard reads, have a provider only of what a deployment serves.
        logged.model_call_details |= {"budget_call": call, "custom_llm_provider": scope}
        self._passed[logged.litellm_call_id] = logged
        return data

    async def async_post_call_failure_hook(
        self,
        request_data: Mapping[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> None:
        """What was passed through has failed: free if the provider refused it or was not found."""
        del user_api_key_dict, traceback_str
        logged = self._passed.get(str(request_data.get("litellm_call_id")))
        details = getattr(logged, "model_call_details", {})
        call, payload = details.get("budget_call"), details.get("passthrough_logging_payload")
        # A client may give its request another's name, but not this object of LiteLLM's own.
        if (
            not isinstance(call, Call)
            or payload is None
            or payload is not request_data.get("passthrough_logging_payload")
        ):
            return
        status = getattr(original_exception, "status_code", 0)
        refused = isinstance(status, int) and 400 <= status < 500  # noqa: PLR2004  (HTTP's own numbers)
        await self._end_attempts(call, 0 if refused or type(original_exception).__name__ in _NEVER_LEFT else None)

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> dict[str, Any]:
        """Every attempt has a reservation."""
        kind = str(getattr(call_type, "value", call_type))
        details = kwargs["litellm_logging_obj"].model_call_details
        call = details.get("budget_call")
        if not isinstance(call, Call):
            call = details["budget_call"] = Call()
        key = _key(kwargs)
        if key in call.attempts:
            # LiteLLM serves one kind of call by another kind: the same attempt, twice here.
            return kwargs
        limit_answer(kwargs, kind, self.settings)
        scope, cost = self._wanted(kwargs, kind, _deployment(kwargs))
        first, call.first = call.first, None
        if first and first.scope == scope and first.cost >= cost:
            call.attempts[key] = first
        else:
            if first:
                await self._settle(first, 0)
            call.attempts[key] = await self._reserve(scope, cost)
        return kwargs

    async def async_post_call_failure_deployment_hook(
        self, request_data: Mapping[str, Any], exception: Exception, call_type: Any, fallback_depth: int | None = None
    ) -> None:
        """An attempt has failed: free if the provider said so itself."""
        del call_type, fallback_depth
        call = request_data["litellm_logging_obj"].model_call_details.get("budget_call")
        held = call.attempts.pop(_key(request_data), None) if isinstance(call, Call) else None
        if held:
            # LiteLLM makes an answer of 500 up where none came; the headers of an answer it has only of a real one.
            refused = getattr(exception, "litellm_response_headers", None) is not None
            status = getattr(exception, "status_code", 0)
            await self._settle(held, 0 if refused and isinstance(status, int) and status >= 400 else None)  # noqa: PLR2004

    async def async_post_call_streaming_deployment_hook(
        self, request_data: Mapping[str, Any], response_chunk: Any, call_type: Any
    ) -> Any:
        """LiteLLM calls it for the last piece of a stream that came to its end, and not for one that broke off."""
        del call_type
        call = request_data.get("budget_call")
        if isinstance(call, Call):
            call.ended = True
        return response_chunk

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncGenerator[Any, None]:
        """Streams of Anthropic's own kind say at their end that it is one."""
        del user_api_key_dict
        logged = request_data.get("litellm_logging_obj")
        call = getattr(logged, "model_call_details", {}).get("budget_call")
        async for piece in response:
            if isinstance(call, Call) and isinstance(piece, bytes | str) and _last(piece):
                call.ended = True
            yield piece

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """The call has ended: what it cost is settled."""
        del response_obj, start_time, end_time
        call = kwargs.get("budget_call")
        if not isinstance(call, Call):
            return
        actual = _cost(kwargs, ended=call.ended or not kwargs.get("stream"))
        held, call.attempts = list(call.attempts.values()), {}
        for entry in held:
            # One figure for several attempts at a time says nothing of any of them.
            await self._settle(entry, actual if len(held) == 1 else None)
            if actual is not None and actual > entry.cost:
                _log.warning(
                    "budget: %s billed %.6f USD, %.6f were its worst case",
                    entry.scope,
                    actual / NANO,
                    entry.cost / NANO,
                )
        await self._drop_first(call)

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """The request has failed: attempts that are still under way broke off, and count whole."""
        del response_obj, start_time, end_time
        call = kwargs.get("budget_call")
        if isinstance(call, Call):
            await self._end_attempts(call, None)
            await self._drop_first(call)

    # How it is done.

    async def _end_attempts(self, call: Call, actual: int | None) -> None:
        """Those that are under way have cost that, each; all that they could for None."""
        held, call.attempts = list(call.attempts.values()), {}
        for entry in held:
            await self._settle(entry, actual)

    async def _drop_first(self, call: Call) -> None:
        """A reservation that no attempt took."""
        first, call.first = call.first, None
        if first:
            await self._settle(first, 0)

    def _exempt(self, deployment: Mapping[str, Any]) -> bool:
        """Whether the day's mode is not for it: an eco model, or one with a month's budget."""
        scope = self._scope(deployment)
        return scope == "eco" or scope in self.settings.months

    def _scope(self, deployment: Mapping[str, Any]) -> str:
        info, params = deployment.get("model_info") or {}, deployment.get("litellm_params") or {}
        provider = info.get("budget_scope") or params.get("custom_llm_provider")
        provider = provider or str(params.get("model", "")).partition("/")[0]
        return self.settings.scope(str(provider), str(deployment.get("model_name", "")))

    def _wanted(self, data: Mapping[str, Any], call_type: str, deployment: Mapping[str, Any]) -> tuple[str, int]:
        """Scope and worst case of a call of a deployment."""
        try:
            return self._scope(deployment), worst_case(data, call_type, deployment, self.settings, _listed)
        except UnpricedError as problem:
            raise self._unpriced(str(problem)) from None

    async def _known_mode(self) -> str:
        """The mode, at most five seconds old; the last one that was known while Redis is away."""
        if time.monotonic() - self._asked >= _MODE_CACHED:
            try:
                word = await self._client.get(f"{self.settings.prefix}:mode") or "normal"
                self._mode = word if word in ("normal", "eco") else "blocked"
                self._asked = time.monotonic()
            except _AWAY as problem:
                _log.warning("budget: Redis is away (%s); the last mode stays: %s", type(problem).__name__, self._mode)
        if not self._mode:
            raise self._refusal("away")
        return self._mode

    async def _reserve(self, scope: str, cost: int) -> Held:
        identity = uuid.uuid4().hex
        try:
            await self._catch_up()
            reason, mode, _ = await self._ledger.reserve(self.settings, identity, scope, cost)
        except _AWAY as problem:
            _log.warning("budget: Redis is away (%s)", type(problem).__name__)
            # It may have been reserved and the answer lost: then its lease ends, and it counts.
            if (
                self._mode in ("normal", "eco")
                and (self._mode == "normal" or scope == "eco")
                and self._allowance.take(cost)
            ):
                return Held("", scope, cost)
            raise self._refusal("away") from None
        if mode != self._mode:
            self._mode, self._asked = mode, time.monotonic()
        if reason != "ok":
            raise self._refusal(reason, scope)
        return Held(identity, scope, cost)

    async def _settle(self, held: Held, actual: int | None) -> None:
        if not held.identity:
            self._allowance.settle(held, actual)
            return
        self._unsettled.append((held.identity, actual))
        try:
            await self._catch_up()
        except _AWAY as problem:
            _log.warning("budget: settled later, Redis is away (%s)", type(problem).__name__)

    async def _catch_up(self) -> None:
        """Tells the ledger what it does not know yet; an entry goes when the ledger has it."""
        while self._unsettled:
            entry = self._unsettled[0]
            await self._ledger.settle(*entry)
            if entry in self._unsettled:
                self._unsettled.remove(entry)
        while self._allowance.unbooked:
            row = self._allowance.unbooked.pop(0)
            try:
                await self._ledger.charge(*row)
            except _AWAY:
                self._allowance.unbooked.insert(0, row)
                raise

    def _refusal(self, reason: str, scope: str = "") -> RefusedError:
        words = _WORDS.get(reason, reason).format(scope=scope)
        until = "resets on the 1st at 00:00 UTC" if scope in self.settings.months else RESETS
        mode = f" (mode {self._mode})" if self._mode else ""
        kind = _TYPES.get(reason, "budget_unavailable")
        return RefusedError(kind, f"{words}{mode}; {until}", self.settings.eco_models, 429 if reason in _TYPES else 503)

    def _unpriced(self, why: str) -> RefusedError:
        return RefusedError(
            "budget_unpriced", f"refused, as its cost has no bound: {why}", self.settings.eco_models, 400
        )


def _router() -> Any:
    from litellm.proxy import proxy_server  # noqa: PLC0415  (it imports this file)

    return proxy_server.llm_router


def _listed(model: str) -> Mapping[str, Any]:
    """What LiteLLM's list of models has of one."""
    try:
        return dict(litellm.get_model_info(model))
    except Exception:  # noqa: BLE001  (it raises a bare Exception for a model that it does not know)
        return {}


def _deployments(group: str) -> list[dict[str, Any]]:
    """All that may serve a name, of a group or an alias."""
    router = _router()
    return [dict(row) for row in (router.get_model_list(model_name=group) or [])] if router and group else []


def _deployment(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The deployment that the router chose; what a client says of it in its request is not asked."""
    router, identity = _router(), str((kwargs.get("model_info") or {}).get("id", ""))
    chosen = router.get_deployment(model_id=identity) if router and identity else None
    if chosen is not None:
        return dict(chosen.model_dump())
    # A search of the web has a provider, and no model.
    provider = kwargs.get("custom_llm_provider") or kwargs.get("search_provider")
    model = kwargs.get("model") or (f"{provider}/search" if provider else None)
    return {"model_name": "", "litellm_params": {"model": model, "custom_llm_provider": provider}}


def _key(kwargs: Mapping[str, Any]) -> str:
    return str((kwargs.get("model_info") or {}).get("id") or kwargs.get("model"))


def _last(piece: bytes | str) -> bool:
    text = piece if isinstance(piece, str) else piece.decode("utf-8", "replace")
    return "message_stop" in text or "response.completed" in text


def _cost(kwargs: Mapping[str, Any], *, ended: bool) -> int | None:
    """Nano-dollars of a call that has ended; None where nobody knows."""
    if kwargs.get("cache_hit"):
        return 0
    cost = kwargs.get("response_cost")
    if not ended or isinstance(cost, bool) or not isinstance(cost, int | float) or not math.isfinite(cost) or cost <= 0:
        return None
    return nano(cost)
