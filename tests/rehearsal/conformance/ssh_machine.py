"""The rented server of the conformance tests."""

from __future__ import annotations

import os

from bench.rented import USER, Rented, absence

__all__ = ["ALL", "USER", "Rented", "absence"]

ALL = os.environ.get("HOMEPORT_CONFORM_SSH") == "all"
"""Whether SSH gets the recordings that mostly wait for health and all 20 cuts (row E-05) too: two minutes in all."""
