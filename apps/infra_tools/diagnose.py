#!/usr/bin/env python3
"""Runs `infra_tools/diagnose.py`; `--help` says what it does."""

from infra_tools.start import run

run("diagnose")
