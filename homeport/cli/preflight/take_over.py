"""Removes what others made under a stack's names, on request alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from homeport.cli.cloudflare import PUBLIC, client, refusals
from homeport.cli.places import cache

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.cli.preflight.findings import Report


def take_over(report: Report, config: Mapping[str, str]) -> list[str]:
    """What was removed, each with the file that a copy of it is in.

    Names go before what guards them: a name must not outlive its guard.

    Args:
        report: What was found.
        config: The stack's configuration, secrets in plain.

    Raises:
        ToolError: Cloudflare refuses; what was removed before stays so.
    """
    foreign = [finding for finding in report.findings if finding.foreign]
    if not foreign:
        return []
    folder = cache() / "taken-over"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    removed = []
    with client(config["homeport:cloudflare-api-token"], config.get("cloudflare:baseUrl", PUBLIC)) as api:
        for finding in sorted(foreign, key=lambda finding: "/access/" in finding.foreign):
            kept = folder / f"{finding.foreign.rpartition('/')[2]}.json"
            with refusals(f"DELETE {finding.foreign}"):
                kept.write_text(json.dumps(api.get(finding.foreign, cast_to=object), indent=2), encoding="utf-8")
                api.delete(finding.foreign, cast_to=object)
            removed.append(f"{finding.what}; a copy of it is {kept}")
    return removed
