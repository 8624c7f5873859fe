"""The program is tested as its scripts import it: from its own folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
