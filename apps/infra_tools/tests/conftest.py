from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

APP = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(APP)]
settings.register_profile("homeport", deadline=None)  # a busy machine is no failure
settings.load_profile("homeport")
