"""`python -m rehearsal.claims [NAME or ROW …]`: checks what a rehearsed system must show.

Standard input: JSON with `world` (what `rehearsal.world up` printed), `preset`, `outputs` (the stack's, secret ones
in plain), and, as far as there are some, `environment`, `described` (what is expected by the settings) and
`second_preview` (`empty` or `changes`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rehearsal.claims.expected import PROD, expected, hosts
from rehearsal.claims.run import Report, chosen, run
from rehearsal.claims.systems import CLAIMS, claims_of
from rehearsal.claims.view import rehearsed
from rehearsal.probes.errors import ProbeError

NONE = 3
"""Exit code: there are no claims of this preset."""


def main(arguments: list[str]) -> int:
    """0 when every claim passed, 1 when not, 2 when it was asked for what there is not."""
    parser = argparse.ArgumentParser(prog="rehearsal.claims", description=__doc__)
    parser.add_argument(
        "claims", nargs="*", metavar="NAME", help="names of claims, or rows that they prove; all for none"
    )
    parser.add_argument("--report", type=Path, help="also write the report as JSON")
    parser.add_argument("--list", action="store_true", help="only list the claims")
    options = parser.parse_args(arguments)
    if options.list:
        for name, claims in CLAIMS.items():
            for claim in claims:
                print(f"{name}  {claim.name:28} {','.join(claim.rows):24} {claim.says}")
        return 0
    request = json.load(sys.stdin)
    preset, described = request["preset"], request.get("described") or {}
    environment = request.get("environment", PROD)
    if preset not in CLAIMS:
        text = f"preset {preset} has no claims yet, so nothing was checked; there are some of: {', '.join(CLAIMS)}"
        print(f"rehearsal.claims: {text}", file=sys.stderr)
        return NONE
    try:
        report = Report()
        named = hosts(preset, described, environment)
        systems = {host: expected(preset, described, host, environment) for host in named}
        of_all = {claim.name: claim for system in systems.values() for claim in claims_of(preset, system)}
        wanted = {claim.name for claim in chosen(of_all.values(), options.claims)}
        for host, system in systems.items():
            claims = tuple(claim for claim in claims_of(preset, system) if claim.name in wanted)
            with rehearsed(system, request["world"], request["outputs"], host) as view:
                view.second_preview = request.get("second_preview", "")
                view.systems = systems
                run(claims, view, _tell, report, f"{host}: " if host else "")
        _tell(str(report))
    except (ProbeError, ValueError) as problem:
        print(f"rehearsal.claims: {problem}", file=sys.stderr)
        return 2
    if options.report:
        report.write(options.report)
    return report.code


def _tell(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
