"""What shared-infrastructure's services do differently from the catalog's."""

from dataclasses import replace

from catalog.caddy import service as caddy
from catalog.cloudflared import service as cloudflared
from catalog.infisical import service as infisical
from catalog.postgres import service as postgres
from catalog.valkey import service as valkey
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, SecretFile, StaticFile, Volume
from homeport.model.template import URL, WORD

NETWORK = "ai-network"

INFISICAL_DB = replace(
    postgres.ALONE,
    name="infisical-db",
    purpose="PostgreSQL of Infisical alone",
    networks=(NETWORK,),
    files=(
        StaticFile(
            source="catalog/presets/shared_infrastructure/infisical_db/postgresql.conf",
            target="postgresql.conf",
            sizes=("shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size"),
        ),
        StaticFile(source="catalog/presets/shared_infrastructure/infisical_db/pg_hba.conf", target="pg_hba.conf"),
    ),
    volumes={"data": Volume(path="/var/lib/postgresql/data", owner=(999, 999), name="infisical-db-data")},
    health=Health(
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "infisical", "-d", "infisical"), interval=5, start_period=60
    ),
    secrets=(SecretSpec(name="infisical-db-password", purpose="for Infisical's role in its PostgreSQL"),),
)

INFISICAL_REDIS = replace(
    valkey.SERVICE,
    name="infisical-redis",
    purpose="Cache of Infisical alone",
    networks=(NETWORK,),
    secret_files=(
        SecretFile(
            target="users.acl",
            # Split at white space, without quotes (src/acl.c, ACLLoadFromFile).
            syntax=WORD,
            template=(
                "user default on nopass resetkeys resetchannels -@all +ping\n"
                "user infisical on >{infisical-redis-password} resetkeys ~* resetchannels &* +@all"
                " -@admin -@dangerous +info\n"
            ),
        ),
    ),
    volumes={"data": Volume(path="/data", owner=(999, 999), name="infisical-redis-data")},
    secrets=(SecretSpec(name="infisical-redis-password", purpose="for Infisical at its cache"),),
)

INFISICAL = replace(
    infisical.SERVICE,
    name="infisical-backend",
    networks=(NETWORK,),
    env={
        **infisical.SERVICE.env,
        # Whose word on the caller's address counts (backend/src/server/plugins/ip.ts).
        "TRUSTED_PROXY_CIDRS": "{subnet:ai-network}",
    },
    secret_files=(
        *infisical.SERVICE.secret_files,
        SecretFile(
            target="database_url",
            template="postgresql://infisical:{infisical-db-password}@infisical-db:5432/infisical",
            syntax=URL,
        ),
        SecretFile(
            target="redis_url", template="redis://infisical:{infisical-redis-password}@infisical-redis:6379", syntax=URL
        ),
    ),
    needs=("infisical-db", "infisical-redis"),
)

REDIS = replace(
    valkey.SERVICE,
    name="redis",
    purpose="Cache and job queues of other stacks, at redis:6379",
    networks=(NETWORK,),
    secret_files=(
        SecretFile(
            target="users.acl",
            syntax=WORD,
            # A queue's library asks for the server's version first: INFO is among the dangerous commands.
            template=(
                "user default on nopass resetkeys resetchannels -@all +ping\n"
                "user shared on >{redis-shared-password} resetkeys ~* resetchannels &* +@all"
                " -@admin -@dangerous +info\n"
            ),
        ),
    ),
    volumes={"data": Volume(path="/data", owner=(999, 999), name="valkey-data")},
    secrets=(
        SecretSpec(
            name="redis-shared-password", purpose="for other stacks at redis:6379, as the user shared of its ACL"
        ),
    ),
)

CADDY = replace(
    caddy.SERVICE,
    networks=(NETWORK,),
    troubles={
        "502 with a sentence": "nothing runs behind that guest's name on `ai-network`: start its stack",
        "403 for who is on the network": "names are answered to the tunnel's connector alone",
    },
    # Where the image itself has it, so that its own commands find it.
    files_at="/etc/caddy",
    command=("caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"),
    files=(StaticFile(source="catalog/presets/shared_infrastructure/caddy_addon/*", target="caddy-addon"),),
    volumes={
        "caddy_data": Volume(path="/data", owner=(10001, 10001), name="caddy-data"),
        # Beside the socket for reloads, which is gone with the container.
        "caddy_config": Volume(path="/config/caddy", data=False, owner=(10001, 10001), name="caddy-config"),
    },
)

CLOUDFLARED = replace(cloudflared.SERVICE, networks=(NETWORK,), needs=("caddy",))
