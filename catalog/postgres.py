"""What every PostgreSQL of ours has in common."""

from homeport.model.secret import SecretSpec

SECRETS = (
    SecretSpec(
        name="postgres-password",
        purpose="for PostgreSQL's user: the application's role, or the superuser, as the preset has it",
    ),
)
