#!/usr/bin/env python3
"""Runs `infra_tools/start_services.py`; `--help` says what it does."""

from infra_tools.start import run

run("start_services")
