"""The budget's ledger as plain Python: what `budget_ledger.lua` must answer, and the calls that are tried on both."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.support.checkout import ROOT

APP = ROOT / "apps" / "budget_guard"
sys.path.append(str(APP))

from budget_ledger import NANO, Ledger, Settings, read  # noqa: E402

__all__ = ["APP", "NANO", "Ledger", "Model", "Settings", "interleaving", "read"]


@dataclass
class Model:
    """The ledger, without Redis."""

    settings: Settings
    mode: str = "normal"
    known: bool = True
    books: dict[str, Counter] = field(default_factory=dict)
    open: dict[str, tuple[str, str, int, float]] = field(default_factory=dict)

    def book(self, period, now):
        date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        return self.books.setdefault(date if period == "day" else date[:7], Counter())

    def _key(self, period, now):
        date = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
        return date if period == "day" else date[:7]

    def _add(self, key, what, scope, amount):
        self.books.setdefault(key, Counter())[what] += amount
        self.books[key][f"{what}/{scope}"] += amount

    def _used(self, key, end=""):
        book = self.books.get(key, Counter())
        return book[f"settled{end}"] + book[f"reserved{end}"] + book[f"excess{end}"]

    def reclaim(self, now):
        for identity in [name for name, row in self.open.items() if row[3] <= now]:
            key = self.open[identity][0]
            self.settle(identity, None)
            self.books[key]["reclaimed"] += 1

    def reserve(self, now, identity, scope, cost):
        settings = self.settings
        self.reclaim(now)
        if not self.known:
            return "unknown"
        if identity in self.open:
            return "twice"
        monthly, eco = scope in settings.months, scope == "eco"
        key = self._key("month" if monthly else "day", now)
        if not monthly and self.mode != "normal" and not eco:
            return self.mode
        if not monthly:
            limit = settings.day_limit - settings.offline + (settings.eco_reserve if eco else 0)
            if self._used(key) + cost > round(limit * NANO):
                return "total"
        share = settings.months[scope] if monthly else settings.providers.get(scope, 0.0)
        if not eco and self._used(key, f"/{scope}") + cost > round(share * NANO):
            return "scope"
        self.open[identity] = (key, scope, cost, now + settings.lease)
        self._add(key, "reserved", scope, cost)
        self.books[key]["calls"] += 1
        return "ok"

    def settle(self, identity, actual):
        if identity not in self.open:
            return ""
        key, scope, cost, _ = self.open.pop(identity)
        actual = cost if actual is None else actual
        self._add(key, "reserved", scope, -cost)
        self._add(key, "settled", scope, min(actual, cost))
        self._add(key, "excess", scope, max(actual - cost, 0))
        return str(min(actual, cost))


def interleaving(chance, settings, calls=6):
    """Steps of several calls at once, in any order: reserve, settle (also twice, or never: killed), time passing."""
    scopes = [*settings.providers, *settings.months, "eco", "stranger"]
    steps, waiting = [], []
    for number in range(calls):
        cost = chance.choice([1, NANO // 10, NANO // 4, NANO, 5 * NANO])
        actual = chance.choice([None, 0, cost, cost // 2, cost * 2])
        settles = [("settle", f"c{number}", actual)] * chance.choice([0, 1, 1, 1, 2])
        waiting.append([("reserve", f"c{number}", chance.choice(scopes), cost), *settles])
    while any(waiting):
        row = chance.choice([row for row in waiting if row])
        steps.append(row.pop(0))
        if chance.random() < 0.2:
            steps.append(("pass", chance.choice([1, 450, 900, 86_400])))
        if chance.random() < 0.1:
            steps.append(("mode", chance.choice(["normal", "eco", "blocked"])))
    return steps
