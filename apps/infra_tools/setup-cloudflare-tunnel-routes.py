#!/usr/bin/env python3
"""Runs `infra_tools/setup_cloudflare_tunnel_routes.py`; `--help` says what it does."""

from infra_tools.start import run

run("setup_cloudflare_tunnel_routes")
