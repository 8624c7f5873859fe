"""What reading a cloud's answer ends with where its form is another than this version knows: an API goes on."""

from __future__ import annotations

UNREADABLE = (KeyError, IndexError, AttributeError, TypeError, ValueError, ArithmeticError)
NEWER = "git pull, for a version that knows it; until then look at it in the cloud's console"


def unreadable(error: BaseException) -> str:
    """In words, without a value: an answer may hold a secret."""
    missing = f" ({error.args[0]})" if isinstance(error, KeyError) and error.args else ""
    return f"it has another form than this version knows{missing}"
