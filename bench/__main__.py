"""`make bench`: measures, prints a table, and with --write keeps it in docs/benchmark.md or docs/downtime.md.

Nothing fails for being slow.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from bench import downtime, race
from bench.latency_report import HEADING, PAGE
from bench.report import report
from bench.tools import alone
from bench.world import ROOT
from homeport.model.errors import HomeportError

_METHOD = ROOT / "bench" / "README.md"


def main(argv: list[str] | None = None) -> int:
    """One run; the exit code."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--full", action="store_true", help="all five services; most of the time is n8n's own start")
    parser.add_argument("--downtime", action="store_true", help="how long each kind of change takes n8n away, instead")
    parser.add_argument("--write", action="store_true", help="keep the figures below docs/")
    asked = parser.parse_args(argv)
    if asked.rounds < 1:
        parser.error("--rounds must be at least 1")
    try:
        with alone():
            if asked.downtime:
                print(downtime.main(datetime.now(UTC).date().isoformat(), write=asked.write), end="")
                return 0
            text = report(race.run(asked.rounds, full=asked.full))
    except HomeportError as error:
        print(f"homeport: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("homeport: interrupted; what was measured is gone, what was made is removed", file=sys.stderr)
        return 130
    print(text, end="")
    if asked.write:
        day = datetime.now(UTC).date().isoformat()
        _, heading, other = PAGE.read_text().partition(f"\n{HEADING}")
        PAGE.write_text(f"{_METHOD.read_text()}\n## Figures of {day}\n\n{text}{heading}{other}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
