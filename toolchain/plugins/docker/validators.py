"""Conditions on single values, answered in the words of the Terraform provider."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from toolchain.plugins import go_duration

if TYPE_CHECKING:
    from toolchain.plugins.tfbridge.schema import Validator


def at_least(threshold: int) -> Validator:
    """A whole number that must not be lower than the threshold."""

    def check(value: Any) -> str | None:
        return f"'{value}' cannot be lower than {threshold}" if value < threshold else None

    return check


def matches(pattern: str) -> Validator:
    """A string that must match the pattern (the subset that Go and Python share)."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str | None:
        # Go's $ is the end of the text only; Python's also stands before a final newline.
        good = compiled.search(value) is not None and not value.endswith("\n")
        return None if good else f"'{value}' doesn't match the pattern '{pattern}'"

    return check


def duration(value: Any) -> str | None:
    """A duration in Go's form that is not negative."""
    try:
        nanoseconds = go_duration.parse(value)
    except ValueError:
        return f"'{value}' is not a valid duration"
    return f"'{value}' duration must not be negative" if nanoseconds < 0 else None


def base64_text(value: Any) -> str | None:
    """Text in standard base64 with padding."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return f"'{value}' is not base64 decodeable"
    return None


def host_path(value: Any) -> str | None:
    """An absolute path of the machine that the daemon runs on, Unix or Windows."""
    return None if re.match(r"[a-zA-Z]:[\\/]|/", value) else f"'{value}' must be an absolute path"


def one_of(*choices: str) -> Validator:
    """One of some words."""
    listed = " ".join(f'"{choice}"' for choice in choices)

    def check(value: Any) -> str | None:
        return None if value in choices else f"expected value to be one of [{listed}], got {value}"

    return check
