"""`python -m rehearsal.claims [NAME or ROW …]`: checks what a rehearsed system must show.

Standard input: JSON with `world` (what `rehearsal.world up` printed), `preset`, and `outputs` (the stack's, secret ones in plain).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rehearsal.claims import jett
from rehearsal.claims.run import chosen, run
from rehearsal.probes.errors import ProbeError

_SYSTEMS = {"jett": jett}


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
    given = parser.parse_args(arguments)
    if given.list:
        for name, one in _SYSTEMS.items():
            for claim in one.CLAIMS:
                print(f"{name}  {claim.name:28} {','.join(claim.rows):24} {claim.says}")
        return 0
    about = json.load(sys.stdin)
    system = _SYSTEMS.get(about["preset"])
    if system is None:
        known = ", ".join(_SYSTEMS)
        print(
            f"rehearsal.claims: preset {about['preset']} has no claims yet, so nothing was checked; there are some of: {known}",
            file=sys.stderr,
        )
        return NONE
    try:
        wanted = chosen(system.CLAIMS, given.claims)
        with system.seen(about["world"], about["outputs"]) as view:
            report = run(wanted, view, lambda line: print(line, flush=True))
    except (ProbeError, ValueError) as problem:
        print(f"rehearsal.claims: {problem}", file=sys.stderr)
        return 2
    if given.report:
        report.write(given.report)
    return report.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
