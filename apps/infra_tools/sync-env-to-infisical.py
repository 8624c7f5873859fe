#!/usr/bin/env python3
"""Runs `infra_tools/sync_env_to_infisical.py`; `--help` says what it does."""

from infra_tools.start import run

run("sync_env_to_infisical")
