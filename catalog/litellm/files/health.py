"""Asks LiteLLM whether it is ready and has its database, by its key; `/health` would call, and pay, every model."""

import urllib.request
from pathlib import Path

KEY = Path("/etc/homeport/env/LITELLM_MASTER_KEY").read_text(encoding="utf-8")
QUESTION = urllib.request.Request("http://127.0.0.1:4000/health/readiness", headers={"Authorization": f"Bearer {KEY}"})
with urllib.request.urlopen(QUESTION, timeout=8) as answer:  # noqa: S310  # its own address
    answer.read()
