"""What every part of the settings has in common: frozen, nothing unknown, each field explained where it stands."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

LONGEST_TEXT = 2048
"""Characters that a text of the settings may have."""


def key(means: str, *, shape: str, example: Any, default: Any = ..., says: str = "", names: str = "") -> Any:
    """A field of the settings.

    Args:
        means: What it is for, with units, as a sentence.
        shape: What it may be, so that "must be <shape>" reads well.
        example: A value that is accepted; it goes into the command that fixes a mistake.
        default: The value when it is left out; without one it is required, or filled in by
            ``homeport.settings.defaults``.
        says: The default in words, where it depends on other settings.
        names: Of a mapping: what its keys may be, where it is not a name as most have it.
    """
    extra: dict[str, Any] = {"shape": shape, "says": says, "names": names}
    return Field(default, description=means, examples=[example], json_schema_extra=extra)


class Section(BaseModel):
    """A part of the settings: frozen, and refusing what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


def section(data: Any, *path: str) -> dict[str, Any]:
    """What stands at a path, if it is a mapping; else an empty one."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}
