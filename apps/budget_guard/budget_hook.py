"""What LiteLLM's configuration names: `litellm_settings: {callbacks: [budget_hook.hook]}`.

LiteLLM loads this one file by its path, as no module: what it is made of are modules beside it, `budget_litellm.py`,
`budget_ledger.py`, `budget_ledger.lua`, `budget_price.py`, `budget_cache.py`. `budget.json` beside it has the settings,
or what `BUDGET_SETTINGS` names.
"""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER))

from budget_ledger import read  # noqa: E402  (found only now)
from budget_litellm import BudgetHook  # noqa: E402

hook = BudgetHook(read(Path(os.environ.get("BUDGET_SETTINGS") or FOLDER / "budget.json")))
