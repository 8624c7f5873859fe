"""What all unit tests share: the stack files as they are shipped, whatever a user has put into their own."""

import os
from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "cases" / "stacks"
# Before any test module is imported, and for every program that a test starts.
os.environ["HOMEPORT_STACK_FILES"] = str(SHIPPED)
