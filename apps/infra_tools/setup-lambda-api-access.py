#!/usr/bin/env python3
"""Runs `infra_tools/setup_lambda_api_access.py`; `--help` says what it does."""

from infra_tools.start import run

run("setup_lambda_api_access")
