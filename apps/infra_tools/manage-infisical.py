#!/usr/bin/env python3
"""Runs `infra_tools/manage_infisical.py`; `--help` says what it does."""

from infra_tools.start import run

run("manage_infisical")
