"""The secrets that a stack may be told: what each is for, and what it must look like. No value is ever here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Policy = Literal["generated", "supplied"]
Kind = Literal["password", "hex64", "token", "n8n-password", "ssh-key"]

SHAPES: dict[str, str] = {
    "password": "at least 24 characters, 128 bits, as openssl rand -base64 32 prints",
    "hex64": "64 lower-case hexadecimal digits, as openssl rand -hex 32 prints",
    "token": "the token exactly as its issuer shows it, 16 to 512 characters",
    "n8n-password": "24 to 64 characters with a capital letter and a digit (n8n asks for these)",
    "ssh-key": "an OpenSSH private key of type ed25519 without a passphrase",
}
MAKERS: dict[str, str] = {
    "password": '"$(openssl rand -base64 32)"',
    "hex64": '"$(openssl rand -hex 32)"',
    "token": "",
    "n8n-password": '"A1$(openssl rand -hex 20)"',
    "ssh-key": "< <the key's file>",
}


@dataclass(frozen=True, kw_only=True)
class SecretSpec:
    """One secret.

    Attributes:
        name: Its config key, without the project's name.
        purpose: What it is for, after "is needed": a user who does not know it learns what breaks without it.
        kind: What it must look like, a key of ``SHAPES``.
        policy: ``generated``: made by pulumi-random when it is missing. ``supplied``: only its issuer can give it.
    """

    name: str
    purpose: str
    kind: Kind
    policy: Policy

    @property
    def command(self) -> str:
        """The command that sets it."""
        return f"pulumi config set --secret homeport:{self.name} {MAKERS[self.kind]}".rstrip()


def _spec(name: str, kind: Kind, policy: Policy, purpose: str) -> SecretSpec:
    return SecretSpec(name=name, purpose=purpose, kind=kind, policy=policy)


SPECS: dict[str, SecretSpec] = {
    spec.name: spec
    for spec in (
        _spec(
            "postgres-password",
            "password",
            "generated",
            "for PostgreSQL's user: the application's role, or the superuser, as the preset has it",
        ),
        _spec("jett-app-password", "password", "generated", "for the application's role jett_app in PostgreSQL"),
        _spec("portainer-admin-password", "password", "generated", "for Portainer's admin, set at its first start"),
        _spec("n8n-database-password", "password", "generated", "for n8n's role in PostgreSQL"),
        _spec("redis-password", "password", "generated", "for the clients of Redis"),
        _spec(
            "n8n-encryption-key",
            "hex64",
            "generated",
            "to encrypt n8n's credentials; lost, they are unreadable for ever",
        ),
        _spec("n8n-owner-password", "n8n-password", "generated", "for n8n's owner account"),
        _spec("n8n-basic-auth-password", "password", "generated", "for the door before n8n's editor"),
        _spec("n8n-webhook-api-key", "hex64", "generated", "for callers of n8n's webhooks, in the header X-API-Key"),
        _spec("embedding-api-key", "token", "supplied", "for the service that settings.embedding names"),
        _spec("hcloud-token", "token", "supplied", "to rent servers from Hetzner Cloud (hosts of mode create)"),
        _spec("cloudflare-api-token", "token", "supplied", "to manage DNS, the tunnel and Access at Cloudflare"),
        _spec("ssh-private-key", "ssh-key", "supplied", "to log in to the hosts over SSH"),
        _spec("google-client-secret", "token", "supplied", "for people's login with Google (access.login google)"),
    )
}

# Old names, and the names that a .env file of the same services uses: each stops the run with its new name.
RENAMED: dict[str, str] = {
    "POSTGRES_PASSWORD": "postgres-password",
    "REDIS_PASSWORD": "redis-password",
    "N8N_ENCRYPTION_KEY": "n8n-encryption-key",
    "N8N_BASIC_AUTH_PASSWORD": "n8n-basic-auth-password",
    "N8N_WEBHOOK_API_KEY": "n8n-webhook-api-key",
    "CLOUDFLARE_API_TOKEN": "cloudflare-api-token",
    "HCLOUD_TOKEN": "hcloud-token",
    "N8N_PASSWORD": "n8n-owner-password",
    "N8N_USER": "settings.options.n8n-user",
    "POSTGRES_USER": "settings.options.postgres-user",
    "N8N_HOST": "settings.hostnames.n8n",
    "EMBEDDING_URL": "settings.embedding.url",
    "EMBEDDING_MODEL": "settings.embedding.model",
    "EMBEDDING_DIM": "settings.embedding.dimensions",
    "EMBEDDING_KEY": "embedding-api-key",
}
