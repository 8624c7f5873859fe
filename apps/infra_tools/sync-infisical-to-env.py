#!/usr/bin/env python3
"""Runs `infra_tools/sync_infisical_to_env.py`; `--help` says what it does."""

from infra_tools.start import run

run("sync_infisical_to_env")
