"""Writes one file, for positive controls: `path` gets `text`, for its owner alone. The text is in no argument."""

from __future__ import annotations

import os
from pathlib import Path

from rehearsal.probes.inside.talk import say, told


def main() -> None:
    """Writes it."""
    about = told()
    os.umask(0o077)
    Path(about["path"]).write_text(about["text"], encoding="utf-8")
    say({"planted": about["path"]})


if __name__ == "__main__":
    main()
