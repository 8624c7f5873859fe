"""Entry of `python -m rehearsal.engine`."""

from rehearsal.engine.cli import main

main()
