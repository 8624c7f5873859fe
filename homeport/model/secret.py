"""A secret as a value: what it is for and what it must look like. No value is ever here."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from homeport.model.fixes import keep

if TYPE_CHECKING:
    from collections.abc import Mapping

Policy = Literal["generated", "supplied", "issued", "derived"]
Kind = Literal[
    "password",
    "account-password",
    "hex64",
    "hex32",
    "long-hex",
    "sk-key",
    "base64",
    "token",
    "text",
    "ssh-key",
    "ed25519",
    "ed25519-public",
    "jwt",
]

SHAPES: dict[str, str] = {
    "password": "at least 24 characters, 128 bits, as openssl rand -base64 32 prints",
    "account-password": "24 to 64 characters with a capital letter and a digit, as sign-in pages ask for",
    "hex64": "64 lower-case hexadecimal digits, as openssl rand -hex 32 prints",
    "hex32": "32 lower-case hexadecimal digits, as openssl rand -hex 16 prints",
    "long-hex": "64 to 128 lower-case hexadecimal digits, as openssl rand -hex 64 prints",
    "sk-key": "sk- and what its issuer put behind it, 19 to 512 characters, or 64 lower-case hexadecimal digits alone",
    "base64": "32 bytes in Base64, 44 characters, as openssl rand -base64 32 prints",
    "token": "the token exactly as its issuer shows it, 16 to 512 characters",
    "text": "the text exactly as whoever made it gave it, 1 to 4096 characters",
    "ssh-key": "an OpenSSH private key of type ed25519 without a passphrase",
    "ed25519": "an OpenSSH private key of type ed25519 without a passphrase, its file's inner lines joined to one",
    "ed25519-public": "the public half of an OpenSSH key of type ed25519: the 68 characters after ssh-ed25519",
    "jwt": "a JSON Web Token, signed by HS256 with the secret that it is made of",
}
COMMANDS: dict[str, str] = {
    "password": '"$(openssl rand -base64 32)"',
    "account-password": '"A1$(openssl rand -hex 20)"',
    "hex64": '"$(openssl rand -hex 32)"',
    "hex32": '"$(openssl rand -hex 16)"',
    "long-hex": '"$(openssl rand -hex 64)"',
    "sk-key": '"sk-$(openssl rand -hex 32)"',
    "base64": '"$(openssl rand -base64 32)"',
    "token": "",
    "text": "",
    "ssh-key": "< ~/.ssh/id_ed25519",
    "ed25519": (
        '"$(f=$(mktemp -u) && ssh-keygen -q -t ed25519 -N "" -C homeport -f "$f" && '
        'sed "1d;\\$d" "$f" | tr -d "\\n"; rm -f "$f" "$f.pub")"'
    ),
    "ed25519-public": "",
    "jwt": "",
}


@dataclass(frozen=True, kw_only=True)
class SecretSpec:
    """One secret, declared by the service, preset or layer that needs it.

    Attributes:
        name: Its config key, without the project's name.
        purpose: What it is for, after "is needed": a user who does not know it learns what breaks without it.
        kind: What it must look like, a key of ``SHAPES``.
        policy: ``generated``: made by pulumi-random when it is missing. ``supplied``: only its issuer can give it.
            ``issued``: a layer of the program has it from its issuer, so that nobody supplies it. ``derived``: made
            of ``made_of`` when it is missing, the same at every update, and another one when that secret is.
        variable: Its name in a ``.env`` file of the same software; empty: the name in capitals.
        section: It is needed only where the settings have this section; elsewhere it is empty.
        length: How many characters its issuer's have; 0: not always the same.
        encrypts: Stored data is encrypted with it: another value loses that data.
        made_of: Of one that is derived: the name of the secret that signs it, whose public half it is, or, of any kind
            that is made of nothing, the name of the one that it is the same as.
        claims: What that token says of its bearer, in the order in which it says it. Times are literals, or each
            update would make another token.
    """

    name: str
    purpose: str
    kind: Kind = "password"
    policy: Policy = "generated"
    variable: str = ""
    section: str = ""
    length: int = 0
    encrypts: bool = False
    made_of: str = ""
    claims: Mapping[str, str | int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def env_name(self) -> str:
        """Its name in a ``.env`` file."""
        return self.variable or self.name.upper().replace("-", "_")

    @property
    def same(self) -> bool:
        """Whether it is another secret as that one is, where it is not given."""
        return self.policy == "derived" and self.kind not in {"jwt", "ed25519-public"}

    @property
    def command(self) -> str:
        """The command that sets it."""
        return keep(self.name, COMMANDS[self.kind])
