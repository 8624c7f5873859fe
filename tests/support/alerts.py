"""Grafana's alert rules out of its files, and when they fire: by the rules' own questions, asked of the real store."""

import re
from dataclasses import dataclass

import yaml

from catalog.alloy.service import SERVICE as ALLOY
from catalog.cadvisor.service import SERVICE as CADVISOR
from catalog.grafana.service import SERVICE as GRAFANA
from catalog.loki.service import SERVICE as LOKI
from catalog.victoriametrics.service import SERVICE as STORE
from homeport.model.blueprint import Blueprint, Edge
from homeport.render.files import service_files
from tests.support.checkout import ROOT

STEP = 30
"""Seconds between two looks at a rule, as its group says."""
_UNITS = {"s": 1, "m": 60}


def system(*more, homes=None):
    """The containers of a host that is watched, and others."""
    return Blueprint(
        preset="watched",
        environment="dev",
        domain="example.com",
        services=(GRAFANA, LOKI, STORE, ALLOY, CADVISOR, *more),
        networks=(),
        routes=(),
        edge=Edge(bind="127.0.0.1", ports={"https": 8443}, public=False),
        homes=homes or {},
    )


def files(blueprint):
    """Path to content of Grafana's files, secrets aside."""
    return {path: content.decode() for path, (_, content) in service_files(blueprint, GRAFANA, ROOT).plain.items()}


@dataclass(frozen=True)
class Rule:
    """A rule: its identity and title, its question, the seconds for which it must hold, its labels."""

    uid: str
    title: str
    expr: str
    hold: int
    labels: dict


def rules(blueprint):
    """All rules of a system."""
    loaded = [yaml.safe_load(text) for path, text in files(blueprint).items() if path.endswith(".yaml")]
    every = [rule for text in loaded for group in text.get("groups", ()) for rule in group["rules"]]
    return [_rule(rule) for rule in every]


def _rule(rule):
    asked, threshold = rule["data"]
    assert (rule["condition"], threshold["model"]["expression"]) == ("B", asked["refId"]), "B looks at A"
    assert threshold["model"]["conditions"] == [{"evaluator": {"type": "gt", "params": [0]}}], "whether it is above 0"
    number, unit = re.fullmatch(r"(\d+)([sm])", rule["for"]).groups()
    return Rule(rule["uid"], rule["title"], asked["model"]["expr"], int(number) * _UNITS[unit], rule["labels"])


def fired(store, rule, start, end):
    """When a rule fired between two times: its labels, the first and the last look that found it so."""
    times = []
    for labels, positive in store.over(rule.expr, start, end, STEP).items():
        for first, last in _runs(positive):
            if last - first >= rule.hold:
                times.append((labels, first + rule.hold, last))
    return times


def _runs(times):
    """The first and the last of each stretch without a gap."""
    found = []
    for at in times:
        if found and at - found[-1][1] <= STEP:
            found[-1][1] = at
        else:
            found.append([at, at])
    return found
