#!/usr/bin/env python3
"""Runs `infra_tools/update_images.py`; `--help` says what it does."""

from infra_tools.start import run

run("update_images")
