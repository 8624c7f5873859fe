"""Stand-in for the official `docker` plugin, over docker-py.

Rows such as D10 are those of docs/traps.md.
"""
