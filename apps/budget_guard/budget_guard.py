"""The guard of the budget: looks at what was spent, sets the mode, tells a person.

    budget_guard.py [--settings budget.json] [--once] [--dry-run] [--healthy]

Every `interval` seconds it tells the ledger what LiteLLM's own database has recorded of the UTC day and the month,
and takes of both what is more. 70 % of the day's limit is a warning, 90 % a critical alert and eco mode, 100 %
blocked; each is told once a day. A new day is in mode normal. Where Redis or the database cannot be reached it says so
once a day, and the mode is never loosened.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pg8000.dbapi
import redis
from budget_ledger import MODES, NANO, RESETS, BudgetError, Ledger, Settings, nano, read, secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_SENDING: Final = 60
"""Seconds after which an alert that somebody was about to send is anybody's again."""
_SPENT: Final = """
SELECT custom_llm_provider, model_group, SUM(spend) FROM "LiteLLM_DailyUserSpend"
WHERE date >= %s AND date <= %s GROUP BY custom_llm_provider, model_group
"""


class SourceError(Exception):
    """LiteLLM's database could not be asked."""


class TelegramError(Exception):
    """A message was not taken; the text has neither token nor chat."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What the ledger has.

    Attributes:
        date: The UTC day.
        mode: What the hook reads.
        known: Whether the ledger has been told what was spent before.
        day: Fields of the day, nano-dollars.
        month: Fields of the month.
    """

    date: str
    mode: str
    known: bool
    day: dict[str, int]
    month: dict[str, int]

    def of(self, scope: str = "", *, month: bool = False) -> float:
        """Dollars that were spent, by one scope or by all."""
        fields, end = (self.month if month else self.day), f"/{scope}" if scope else ""
        return (fields.get(f"settled{end}", 0) + fields.get(f"excess{end}", 0)) / NANO


def spent_of(answer: list[Any]) -> Spent:
    """The answer of the ledger's `look`."""
    date, mode, known, _, day, month = answer
    fields = [dict(zip(row[::2], map(int, row[1::2]), strict=True)) for row in (day, month)]
    return Spent(date, mode, bool(known), *fields)


def mode_of(share: float, settings: Settings) -> str:
    """The mode that a share of the day's limit asks for."""
    return "blocked" if share >= settings.blocked else "eco" if share >= settings.critical else "normal"


class Database:
    """LiteLLM's own records.

    Args:
        settings: Where they are.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def recorded(self, first: str, last: str, *, monthly: bool) -> dict[str, int]:
        """Nano-dollars by scope from the first to the last day; of providers with a month's budget, or of all others.

        Raises:
            SourceError: It does not answer.
        """
        place = urlsplit(self._settings.database)
        try:
            link = pg8000.dbapi.connect(
                user=place.username,
                host=place.hostname,
                port=place.port or 5432,
                database=place.path.strip("/"),
                password=secret(self._settings.database_password_file) or None,
                timeout=10,
            )
            try:
                cursor = link.cursor()
                cursor.execute(_SPENT, (first, last))
                rows = cursor.fetchall()
            finally:
                link.close()
        except (pg8000.dbapi.Error, OSError) as problem:
            raise SourceError(f"LiteLLM's database: {type(problem).__name__}") from None
        found: dict[str, int] = {}
        for provider, group, spend in rows:
            scope = self._settings.scope(provider or "unknown", group or "")
            if (scope in self._settings.months) == monthly and spend and spend > 0:
                found[scope] = found.get(scope, 0) + nano(float(spend))
        return found


class Telegram:
    """Sends to one chat.

    Args:
        settings: Where to, with which token.
    """

    def __init__(self, settings: Settings) -> None:
        self._url = urlsplit(settings.telegram)
        self._token = secret(settings.telegram_token_file)
        self._chat = settings.chat or secret(settings.chat_file)

    def send(self, text: str) -> None:
        """Sends; waits once when Telegram says for how long.

        Raises:
            TelegramError: It was not taken.
        """
        for again in (True, False):
            status, body = self._post({"chat_id": self._chat, "text": text})
            if status == 200 and body.get("ok"):  # noqa: PLR2004  (HTTP's own word)
                return
            wait = (body.get("parameters") or {}).get("retry_after")
            if not again or status != 429 or not isinstance(wait, int) or wait > 30:  # noqa: PLR2004
                raise TelegramError(f"Telegram: {status}: {body.get('description', 'no answer of its kind')}")
            time.sleep(wait)

    def _post(self, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        link = kind(self._url.netloc, timeout=10)
        try:
            path = f"{self._url.path}/bot{self._token}/sendMessage"
            link.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = link.getresponse()
            content = json.loads(answer.read() or b"{}")
            return answer.status, content if isinstance(content, dict) else {}
        except (OSError, HTTPException, ValueError) as problem:
            raise TelegramError(f"Telegram: {type(problem).__name__}") from None
        finally:
            link.close()


class Guard:
    """One look after the other.

    Args:
        settings: The budget.
        client: Of Redis.
        database: LiteLLM's records, None for none.
        telegram: Who is told.
        dry: Whether it only says what it would do.
        now: Seconds since 1970 in place of Redis' clock, for tests.
    """

    def __init__(
        self,
        settings: Settings,
        client: Any,
        database: Database | None,
        telegram: Telegram,
        *,
        dry: bool = False,
        now: float | None = None,
    ) -> None:
        self._settings, self._client, self._database, self._telegram = settings, client, database, telegram
        self._dry, self.ledger = dry, Ledger(client, settings.prefix, now)
        self._failed = Path(settings.state) / "failed.json"
        self._sent: set[tuple[str, str]] = set()

    def look(self) -> bool:
        """One look.

        Returns:
            Whether all was well: Redis, database and Telegram have answered.
        """
        until = time.monotonic() + self._settings.patience
        while True:
            # What starts anew answers in a moment: nobody is to be told of that.
            waits = time.monotonic() < until
            try:
                source = self._source(spent_of(self.ledger.look()))
                if not (source and waits):
                    spent = spent_of(self.ledger.look())
                    well = self._decide(spent, source)
                    break
            except (redis.RedisError, OSError) as problem:
                if not waits:
                    text = f"Redis cannot be reached ({type(problem).__name__}); the last mode stays."
                    return self._lost("redis", text)
            time.sleep(1)
        if source:
            return self._lost("database", f"{source} cannot be asked; mode {spent.mode} is not loosened.")
        self._found()
        return well

    def _source(self, spent: Spent) -> str:
        """Brings the ledger up to LiteLLM's records; what is wrong with these, empty for nothing."""
        recorded: dict[str, dict[str, int]] = {"day": {}, "month": {}}
        if self._database is not None:
            try:
                recorded["day"] = self._database.recorded(spent.date, spent.date, monthly=False)
                recorded["month"] = self._database.recorded(f"{spent.date[:8]}01", spent.date, monthly=True)
            except SourceError as problem:
                return str(problem)
        if not self._dry:
            for period, amounts in recorded.items():
                missing = int(self.ledger.floor(period, amounts))
                if missing:
                    self._say(f"{period}: {missing / NANO:.4f} USD were recorded that no reservation covered")
        return ""

    def _decide(self, spent: Spent, source: str) -> bool:
        share = spent.of() / self._settings.day_limit if self._settings.day_limit else 1.0
        wanted = mode_of(share, self._settings)
        if source and MODES.index(wanted) < MODES.index(spent.mode):
            wanted = spent.mode
        well = min(
            [self._alert(spent, key, text, month=month) for key, text, month in self._alerts(spent, share, wanted)],
            default=True,
        )
        state = {
            "date": spent.date,
            "mode": wanted,
            "spent_usd": round(spent.of(), 6),
            "limit_usd": self._settings.day_limit,
            "share": round(share, 4),
            "providers": {name: round(spent.of(name), 6) for name in [*self._settings.providers, "eco"]},
            "months": {name: round(spent.of(name, month=True), 6) for name in self._settings.months},
            "reserved_usd": round(spent.day.get("reserved", 0) / NANO, 6),
            "excess_usd": round(spent.day.get("excess", 0) / NANO, 6),
            "reclaimed": spent.day.get("reclaimed", 0),
            "source": source or "ok",
        }
        self._say(json.dumps(state, sort_keys=True))
        if not self._dry:
            with self._client.pipeline(transaction=True) as both:
                both.set(f"{self._settings.prefix}:mode", wanted)
                both.set(f"{self._settings.prefix}:state", json.dumps(state, sort_keys=True))
                both.execute()
        return well

    def _alerts(self, spent: Spent, share: float, mode: str) -> Iterator[tuple[str, str, bool]]:
        """What is to be told, with a key for each, and whether once a month instead of a day."""
        sums = f"{spent.of():.2f} of {self._settings.day_limit:.2f} USD ({share:.0%}) of {spent.date} are spent"
        shares = "\n".join(
            f"{name}: {spent.of(name):.2f} of {limit:.2f}" for name, limit in self._settings.providers.items()
        )
        eco = ", ".join(self._settings.eco_models)
        if share >= self._settings.blocked:
            reserve = f"eco models ({eco}) have {self._settings.eco_reserve:.2f} USD beyond it"
            yield "blocked", f"BLOCKED: {sums}. Only {reserve}; {RESETS}.\n{shares}", False
        if share >= self._settings.critical:
            yield (
                "critical",
                f"CRITICAL: {sums}. Mode {mode}: only eco models ({eco}) are served; {RESETS}.\n{shares}",
                False,
            )
        elif share >= self._settings.warning:
            yield "warning", f"WARNING: {sums}; {RESETS}.\n{shares}", False
        if spent.day.get("excess", 0) > 0:
            excess = spent.day["excess"] / NANO
            yield "excess", f"WARNING: {excess:.4f} USD were billed today that no reservation covered.", False
        for name, limit in self._settings.months.items():
            part = spent.of(name, month=True) / limit if limit else 0.0
            for key, level in (("critical", self._settings.critical), ("warning", self._settings.warning)):
                if part >= level:
                    text = f"{key.upper()}: {name} has used {part:.0%} of its {limit:.2f} USD of {spent.date[:7]}."
                    yield f"{name}-{key}", text, True
                    break

    def _alert(self, spent: Spent, key: str, text: str, *, month: bool = False) -> bool:
        """Tells a person once a day or month, whoever of several guards is first; again only if the telling failed."""
        if self._dry:
            self._say(f"would tell: {text.splitlines()[0]}")
            return True
        prefix, field = self._settings.prefix, f"told/{key}"
        book = f"{prefix}:month:{spent.date[:7]}" if month else f"{prefix}:day:{spent.date}"
        if not self._client.set(f"{prefix}:telling:{key}", "1", nx=True, ex=_SENDING):
            return True
        try:
            if not self._client.hexists(book, field):
                if (book, field) not in self._sent:
                    self._telegram.send(text)
                # If Redis is gone now, a later look writes it down and tells nobody again.
                self._sent.add((book, field))
                self._client.hset(book, field, 1)
            self._sent.discard((book, field))
        except TelegramError as problem:
            self._say(f"not told: {problem}")
            return False
        finally:
            self._client.delete(f"{prefix}:telling:{key}")
        return True

    def _lost(self, what: str, text: str) -> bool:
        """Tells once a day that something is away; where Redis is, this cannot be kept there."""
        self._say(text)
        today = time.strftime("%Y-%m-%d", time.gmtime())
        failed = _json(self._failed)
        if not self._dry and failed.get(what) != today:
            try:
                self._telegram.send(f"CRITICAL: budget guard: {text}")
            except TelegramError as problem:
                self._say(f"not told: {problem}")
            else:
                self._failed.parent.mkdir(parents=True, exist_ok=True)
                self._failed.write_text(json.dumps({**failed, what: today}), encoding="utf-8")
        return False

    def _found(self) -> None:
        """All is back: the next time it is away is told again."""
        if not self._dry and self._failed.exists():
            self._failed.unlink()

    @staticmethod
    def _say(text: str) -> None:
        print(text, flush=True)


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def main(arguments: list[str]) -> int:
    """Looks until it is stopped, or once."""
    parser = argparse.ArgumentParser(prog="budget_guard.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--settings", type=Path, default=Path(__file__).parent / "budget.json")
    parser.add_argument("--once", action="store_true", help="look once; exit code 1 if something did not answer")
    parser.add_argument("--dry-run", action="store_true", help="look once, say what would be done, change nothing")
    parser.add_argument("--healthy", action="store_true", help="exit code 0 if the last look was not long ago")
    options = parser.parse_args(arguments)
    try:
        settings = read(options.settings)
        if options.healthy:
            return 0 if time.time() - _looked(settings).stat().st_mtime < 3 * settings.interval else 1
        guard = _guard(settings, dry=options.dry_run)
    except BudgetError as problem:
        print(problem, file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"budget_guard.py: {problem.filename}: {problem.strerror}", file=sys.stderr)
        return 2
    while True:
        well = guard.look()
        if options.once or options.dry_run:
            return 0 if well else 1
        _looked(settings).parent.mkdir(parents=True, exist_ok=True)
        _looked(settings).touch()
        time.sleep(settings.interval)


def _looked(settings: Settings) -> Path:
    return Path(settings.state) / "looked"


def _guard(settings: Settings, *, dry: bool) -> Guard:
    client = redis.Redis.from_url(
        settings.redis,
        password=secret(settings.redis_password_file) or None,
        decode_responses=True,
        socket_timeout=5,
        socket_connect_timeout=5,
    )
    database = Database(settings) if settings.database else None
    return Guard(settings, client, database, Telegram(settings), dry=dry)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
