"""What guard and hook share: the settings of the budget, and the calls of its ledger in Redis.

Every change of the ledger is one run of `budget_ledger.lua`, which Redis does whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Protocol

NANO: Final = 1_000_000_000
"""Nano-dollars in a dollar: the ledger's unit."""
_KINDS: Final = {"float": float, "int": int, "str": str}
MODES: Final = ("normal", "eco", "blocked")
RESETS: Final = "resets at 00:00 UTC"


class BudgetError(Exception):
    """Settings that cannot be meant; the text has a line `fix: …`."""


class Redis(Protocol):
    """What is used of a client of Redis, whether its calls are awaited or not."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Runs a script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The budget, as `budget.json` has it. Amounts are dollars.

    Attributes:
        day_limit: For a UTC day, all providers together.
        warning: Share of it at which a warning is sent.
        critical: Share at which eco mode begins.
        blocked: Share at which nothing but eco models is served, from their reserve.
        eco_models: Names of LiteLLM's model groups that are served in every mode.
        eco_reserve: What they may spend beyond the day's limit; 0 makes the limit strict.
        eco_reroute: The eco model that serves other models' calls in eco mode; empty refuses them.
        providers: What each may spend a day. One that is not here is not used.
        months: Providers with a budget for the calendar month, outside the day's.
        aliases: LiteLLM's names of providers to those above.
        flat: What a call of a model can cost at most that has no price per token; by its deployment's model.
        routes: Paths of LiteLLM below which a provider's own API is passed through, to whose budget that is: who posts
            there pays what `flat` has of the model, and whoever looks at what was made pays nothing.
        longest_answer: Tokens of an answer where a call names no limit; the limit that it then gets.
        lease: Seconds after which a call that nobody settled counts as spent. More than LiteLLM's longest call.
        offline: What one process of LiteLLM may spend a day while Redis is away; taken from the day's limit before.
        prefix: Of the keys in Redis.
        redis: Where Redis is; `redis_password_file` has its password.
        database: Where LiteLLM's own database is, `postgresql://user@host:port/name`; empty for none.
        telegram: Where the Bot API is.
        chat: Of the alerts; or `chat_file`.
        interval: Seconds between two looks of the guard.
        patience: Seconds for which the guard asks again what does not answer, before it tells.
        state: Folder in which the guard keeps what it cannot keep in Redis.
    """

    day_limit: float = 5.0
    warning: float = 0.70
    critical: float = 0.90
    blocked: float = 1.00
    eco_models: tuple[str, ...] = ("qwen3-coder", "deepseek-v3", "glm-5")
    eco_reserve: float = 0.25
    eco_reroute: str = ""
    providers: dict[str, float] = field(
        default_factory=lambda: {"anthropic": 0.75, "openai": 0.50, "openrouter": 3.25, "google": 0.25}
    )
    months: dict[str, float] = field(default_factory=lambda: {"byteplus": 5.0})
    aliases: dict[str, str] = field(default_factory=lambda: {"gemini": "google", "vertex_ai": "google"})
    flat: dict[str, float] = field(default_factory=dict)
    routes: dict[str, str] = field(default_factory=dict)
    longest_answer: int = 4096
    lease: int = 900
    offline: float = 0.0
    prefix: str = "litellm:budget"
    redis: str = "redis://redis:6379/0"
    redis_password_file: str = ""
    database: str = ""
    database_password_file: str = ""
    telegram: str = "https://api.telegram.org"
    telegram_token_file: str = ""
    chat: str = ""
    chat_file: str = ""
    interval: int = 60
    patience: int = 30
    state: str = "/var/lib/budget-guard"

    def scope(self, provider: str, group: str) -> str:
        """Whose budget a call is on.

        Eco models are on their own, not on their provider's: they must be served when that is spent.
        """
        return "eco" if group in self.eco_models else self.aliases.get(provider, provider)


def read(path: Path) -> Settings:
    """Settings of a file; where one is a number or a word, a variable such as `BUDGET_DAY_LIMIT` takes its place.

    Raises:
        BudgetError: It is not there, is no JSON, or says what cannot be meant.
    """
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BudgetError(f"{path}: {problem.strerror}\nfix: cp budget.json {path}") from None
    except ValueError as problem:
        raise BudgetError(f"{path}: no JSON: {problem}\nfix: python3 -m json.tool {path}") from None
    known = {entry.name for entry in fields(Settings)}
    unknown = sorted(set(about) - known)
    if unknown:
        raise BudgetError(
            f"{path}: unknown: {', '.join(unknown)}\nfix: take it out; known are {', '.join(sorted(known))}"
        )
    for entry in fields(Settings):
        text = os.environ.get(f"BUDGET_{entry.name.upper()}")
        if text and entry.type in _KINDS:
            try:
                about[entry.name] = _KINDS[str(entry.type)](text)
            except ValueError:
                about[entry.name] = text
    about["eco_models"] = tuple(about.get("eco_models", Settings().eco_models))
    settings = Settings(**about)
    for name, wrong in _wrong(settings):
        raise BudgetError(f"{path}: {name}: {wrong}\nfix: correct {name} in {path}")
    return settings


def _wrong(settings: Settings) -> list[tuple[str, str]]:
    amounts = {"day_limit": settings.day_limit, "eco_reserve": settings.eco_reserve, "offline": settings.offline}
    for name in ("providers", "months", "flat"):
        amounts |= {f"{name}.{key}": value for key, value in getattr(settings, name).items()}
    found = [(name, f"{value!r} is no amount of dollars") for name, value in amounts.items() if not _amount(value)]
    if not 0 < settings.warning <= settings.critical <= settings.blocked:
        found.append(("warning, critical, blocked", "shares must rise from above 0"))
    if settings.eco_reroute and settings.eco_reroute not in settings.eco_models:
        found.append(("eco_reroute", f"{settings.eco_reroute} is none of eco_models"))
    if settings.offline > settings.day_limit:
        found.append(("offline", "is more than the day's limit"))
    twice = sorted(set(settings.providers) & set(settings.months))
    if twice:
        found.append(("months", f"{', '.join(twice)} is among providers too"))
    return found


def _amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def nano(dollars: float) -> int:
    """Whole nano-dollars, rounded up: never less than what it costs."""
    return math.ceil(round(dollars * NANO, 3))


def secret(path: str) -> str:
    """A file's text, empty without a path."""
    return Path(path).read_text(encoding="utf-8").strip() if path else ""


class Ledger:
    """Calls of the script; each returns what the client's `eval` returns, an awaitable of it with an asynchronous one.

    Args:
        client: Of Redis, with `decode_responses`.
        prefix: Of the keys.
        now: Seconds since 1970 in place of Redis' clock, for tests.
    """

    SCRIPT: Final = (Path(__file__).parent / "budget_ledger.lua").read_text(encoding="utf-8")

    def __init__(self, client: Redis, prefix: str = "litellm:budget", now: float | None = None) -> None:
        self._client, self._prefix, self.now = client, prefix, now

    def _run(self, verb: str, *more: Any) -> Any:
        now = "" if self.now is None else str(self.now)
        return self._client.eval(self.SCRIPT, 1, self._prefix, verb, now, *more)

    def reserve(self, settings: Settings, identity: str, scope: str, cost: int) -> Any:
        """Takes what a call can cost at most, or says why not.

        Returns:
            `ok` or the reason (`eco`, `blocked`, `total`, `scope`, `unknown`, `twice`), the mode, and what is left.
        """
        monthly, eco = scope in settings.months, scope == "eco"
        if monthly:
            period, total, share = "month", -1, nano(settings.months[scope])
        else:
            limit = settings.day_limit - settings.offline + (settings.eco_reserve if eco else 0.0)
            period, total = "day", nano(limit)
            share = -1 if eco else nano(settings.providers.get(scope, 0.0))
        return self._run("reserve", identity, period, scope, cost, "1" if eco else "0", total, share, settings.lease)

    def settle(self, identity: str, actual: int | None) -> Any:
        """Ends a reservation with what the call has cost, all that was reserved for None; a second time does nothing.

        Returns:
            Nano-dollars that it was charged with, empty where there is no such reservation.
        """
        return self._run("settle", identity, "" if actual is None else actual)

    def charge(self, scope: str, amount: int) -> Any:
        """Books what was spent while Redis was away."""
        return self._run("charge", "day", scope, amount)

    def floor(self, period: str, recorded: dict[str, int]) -> Any:
        """Tells the ledger what LiteLLM's own records have, by scope; it is known from now on.

        Returns:
            Nano-dollars that the ledger did not have.
        """
        return self._run("floor", period, *(part for row in recorded.items() for part in row))

    def look(self) -> Any:
        """The date, the mode, when the ledger became known, how many leases ended; the day's and the month's fields."""
        return self._run("look")
