"""Entry of `python -m toolchain.engine`."""

from toolchain.engine.cli import main

main()
