#!/usr/bin/env python3
"""Runs `infra_tools/get_lambda_api_aud_tag.py`; `--help` says what it does."""

from infra_tools.start import run

run("get_lambda_api_aud_tag")
