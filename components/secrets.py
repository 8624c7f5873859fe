"""Secrets: supplied by the configuration, or generated once and kept in the encrypted state."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pulumi

from components.connection import private_key
from components.random_secret import random_secret
from homeport.model import jwt, ssh_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeport.model.secret import SecretSpec


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """Which secrets there are to be.

    Attributes:
        supplied: Values from the configuration, already secret.
        generated: Names to make, each with its kind: ``hex64``, ``long-hex`` and ``sk-key`` (32 random bytes in
            digits), ``hex32`` (16 of them), ``base64`` (32 random bytes), ``ed25519`` (a key of these) or any other (32
            random bytes, URL-safe, with a capital letter and a digit in front for those who count kinds of characters).
        versions: Name to a counter; a higher one makes a new value.
        derived: Names of tokens, public keys and copies to make of other secrets among these, each with what it is.
    """

    supplied: Mapping[str, pulumi.Output[str]]
    generated: Mapping[str, str]
    versions: Mapping[str, int]
    derived: Mapping[str, SecretSpec] = field(default_factory=dict)


class Secrets(pulumi.ComponentResource):
    """All secrets of a stack by name.

    Attributes:
        values: Name to value, each a secret Output.
        key: A key for fingerprints that is used for nothing else.
    """

    values: dict[str, pulumi.Output[str]]
    key: pulumi.Output[str]

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:secrets:Secrets", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        self.values = dict(args.supplied)
        for secret, kind in sorted(args.generated.items()):
            keepers = {"version": str(args.versions.get(secret, 1))}
            generated = random_secret(f"{name}-{secret}", here, keepers)
            self.values[secret] = generated.apply(_WRITTEN.get(kind, _url_safe))
        for secret, spec in sorted(args.derived.items()):
            of = ssh_keys.public_half if spec.kind == "ed25519-public" else partial(jwt.signed, claims=spec.claims)
            source = self.values[spec.made_of]
            self.values[secret] = source if spec.same else source.apply(of)
        self.key = random_secret(f"{name}-fingerprints", here).apply(_hex)
        # Registered without the values: a component's outputs are shown, and these need no second copy in the state.
        self.register_outputs({})


def _hex(text: str) -> str:
    return base64.b64decode(text).hex()


def _half_hex(text: str) -> str:
    return _hex(text)[:32]


def _url_safe(text: str) -> str:
    """Base64 in the alphabet that needs no quoting in a URL, an ACL file or SQL."""
    return "A1" + text.replace("+", "-").replace("/", "_").rstrip("=")


def _key(text: str) -> str:
    return ssh_keys.body(private_key(text))


_WRITTEN: Mapping[str, Callable[[str], str]] = {
    "hex64": _hex,
    "hex32": _half_hex,
    "long-hex": _hex,
    "sk-key": _hex,
    "base64": str,
    "ed25519": _key,
}
"""Kinds whose text is not the usual one."""
