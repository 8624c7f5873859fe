#!/usr/bin/env python3
"""Runs `infra_tools/check_env_sync_status.py`; `--help` says what it does."""

from infra_tools.start import run

run("check_env_sync_status")
