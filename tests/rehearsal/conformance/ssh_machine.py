"""The rented server of the conformance tests."""

from __future__ import annotations

import os

from bench.rented import USER, Rented, absence

__all__ = ["ALL", "USER", "Rented", "absence"]

ALL = os.environ.get("HOMEPORT_CONFORM_SSH") == "all"
"""Whether everything is tried over SSH too: recordings that mostly wait for health, 20 cuts (reliability E-05), two minutes in all."""
