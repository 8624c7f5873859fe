#!/usr/bin/env python3
"""Runs `infra_tools/check_cloudflare_config.py`; `--help` says what it does."""

from infra_tools.start import run

run("check_cloudflare_config")
