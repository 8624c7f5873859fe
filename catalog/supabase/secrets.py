"""Secrets that several of Supabase's services know, each by its name in upstream's `.env` file.

https://github.com/supabase/supabase/blob/master/docker/.env.example. There one password is that of every role in
PostgreSQL. Here the two roles that administer have it, and each other service has a role and a password of its own:
the superuser's opens everything.
"""

from homeport.model.secret import SecretSpec

POSTGRES_PASSWORD = SecretSpec(
    name="supabase-postgres-password",
    variable="POSTGRES_PASSWORD",
    purpose="for the administrators' roles in Supabase's PostgreSQL, postgres and supabase_admin",
)
AUTH_PASSWORD = SecretSpec(
    name="supabase-auth-password", purpose="for the role of Supabase's sign-in, supabase_auth_admin, in its PostgreSQL"
)
AUTHENTICATOR_PASSWORD = SecretSpec(
    name="supabase-authenticator-password",
    purpose="for the role of Supabase's REST interface, authenticator, in its PostgreSQL",
)
STORAGE_PASSWORD = SecretSpec(
    name="supabase-storage-password",
    purpose="for the role of Supabase's file storage, supabase_storage_admin, in its PostgreSQL",
)
POOLER_PASSWORD = SecretSpec(
    name="supabase-pooler-password",
    purpose="for the role of Supabase's connection pooler, pgbouncer, in its PostgreSQL",
)
JWT_SECRET = SecretSpec(
    name="jwt-secret",
    purpose="to sign the tokens of Supabase's users and its two keys; a new one signs everybody out",
)
ANON_KEY = SecretSpec(
    name="anon-key",
    kind="jwt",
    policy="derived",
    made_of="jwt-secret",
    claims={"role": "anon", "iss": "supabase", "iat": 1767225600, "exp": 2524608000},
    purpose="by applications at Supabase's API, for what anybody may do; it is public",
)
SERVICE_ROLE_KEY = SecretSpec(
    name="service-role-key",
    kind="jwt",
    policy="derived",
    made_of="jwt-secret",
    claims={"role": "service_role", "iss": "supabase", "iat": 1767225600, "exp": 2524608000},
    purpose="by servers at Supabase's API; it passes over every policy of the tables",
)
META_CRYPTO_KEY = SecretSpec(
    name="pg-meta-crypto-key",
    kind="hex64",
    purpose="to encrypt the connections that Supabase Studio hands to its database interface",
)
LOGFLARE_PUBLIC_TOKEN = SecretSpec(
    name="logflare-public-token",
    variable="LOGFLARE_PUBLIC_ACCESS_TOKEN",
    purpose="to send logs to Supabase's log service, and to ask it for them",
)
LOGFLARE_PRIVATE_TOKEN = SecretSpec(
    name="logflare-private-token",
    variable="LOGFLARE_PRIVATE_ACCESS_TOKEN",
    purpose="to administer Supabase's log service",
)
