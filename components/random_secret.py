"""Random bytes that are a secret: keys, passwords, seeds."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pulumi
import pulumi_random as random

if TYPE_CHECKING:
    from collections.abc import Mapping


def random_secret(
    name: str, opts: pulumi.ResourceOptions, keepers: Mapping[str, str] | None = None
) -> pulumi.Output[str]:
    """Thirty-two secret bytes in Base64, made once and kept in the encrypted state.

    Not by RandomBytes: its id is its value, and ids are plain text in every state (pulumi-random#190, pulumi#2717; the
    recording random-all.json has it). RandomPassword's id is the word none; of 64 letters and digits (381 bits) the
    bytes are the SHA-256.

    Args:
        name: Logical name.
        opts: The resource's options.
        keepers: Other values make other bytes.
    """
    password = random.RandomPassword(
        name, length=64, special=False, keepers=dict(keepers) if keepers else None, opts=opts
    )
    return pulumi.Output.secret(password.result.apply(_bytes))


def _bytes(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
