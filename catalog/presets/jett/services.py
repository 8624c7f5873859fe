"""What jett's services do differently from the catalog's."""

from dataclasses import replace

from catalog.n8n import service as n8n
from catalog.portainer import service as portainer
from catalog.postgres import service as postgres
from catalog.qdrant import service as qdrant
from catalog.uptime_kuma import service as uptime_kuma
from homeport.model.service import Health, Limits, Port, Question, SecretFile, SignIn, StaticFile, Volume
from homeport.model.template import FORMULA, TEXT

POSTGRES = replace(
    postgres.SERVICE,
    purpose="PostgreSQL: state, the offline queue, n8n's store",
    networks=("jett_default",),
    env={
        **postgres.SERVICE.env,
        "POSTGRES_USER": "{postgres-user}",
        # As a file, not as POSTGRES_PASSWORD: that would stand in `docker inspect` and in the server's environment.
        "POSTGRES_PASSWORD_FILE": "/etc/homeport/superuser_password",
        "POSTGRES_DB": "jett",
        # 999 has no name in the image (its postgres is 70), so `peer` could not know who asks on the socket.
        "POSTGRES_INITDB_ARGS": (
            "--data-checksums --auth-local=trust --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8"
        ),
    },
    files=(
        StaticFile(
            source="catalog/presets/jett/postgres/postgresql.conf",
            target="postgresql.conf",
            sizes=("shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size"),
        ),
        StaticFile(source="catalog/presets/jett/postgres/pg_hba.conf", target="pg_hba.conf"),
    ),
    secret_files=(SecretFile(target="superuser_password", template="{postgres-password}", syntax=TEXT),),
    volumes={"data": Volume(path="/var/lib/postgresql/data", owner=(999, 999), name="postgres_data")},
    tmpfs={"/tmp": "rw,noexec,nosuid", "/run/postgresql": "rw"},
    ports=(Port(name="postgres", inside=5432, at="vpn", outside=5432),),
    health=Health(
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "jett_app", "-d", "jett"),
        interval=5,
        start_period=60,
    ),
    set_once=("postgres-password",),
    troubles={
        "requests wait although the local machine is back": (
            "its client or its handler is not up: the client's log names every item that fails"
        ),
    },
    limits=Limits(memory=512, cpus="0.5", pids=128, least=128),
    restart="always",
)

QDRANT = replace(
    qdrant.SERVICE,
    purpose="Qdrant: vector search for semantic caching",
    networks=("jett_default",),
    volumes={"data": Volume(path="/qdrant/storage", owner=(1000, 1000), name="qdrant_data")},
    ports=(Port(name="qdrant", inside=6333, at="vpn", outside=6333),),
    restart="always",
)

N8N = replace(
    n8n.SERVICE,
    purpose="Workflow automation, heartbeat, offline queue",
    networks=("jett_apps", "jett_default"),
    env={
        **n8n.SERVICE.env,
        # n8n 1.0 took these away, and no file of n8n 2.38.7 names one of them; they are set as the system's description
        # asks, and the owner's account has the same user and password (docs/requirements.md, R-03). The password as a
        # file, and in it the hash that n8n's own sign-in asks for: nothing in the container has the password itself.
        "N8N_BASIC_AUTH_ACTIVE": "true",
        "N8N_BASIC_AUTH_USER": "{n8n-user}",
        "N8N_BASIC_AUTH_PASSWORD_FILE": "/etc/homeport/owner_hash",
        "N8N_INSTANCE_OWNER_EMAIL": "{n8n-user}",
        "N8N_PROTOCOL": "http",
        "N8N_SECURE_COOKIE": "{n8n-secure-cookie}",
        "DB_POSTGRESDB_HOST": "postgres",
        "HOMEPORT_POSTGRES_HOST": "postgres",
        "HOMEPORT_QDRANT": "http://qdrant:6333",
        "HOMEPORT_QDRANT_COLLECTION": "{qdrant-collection}",
        "HOMEPORT_QDRANT_SIZE": "{qdrant-size}",
        "HOMEPORT_QDRANT_DISTANCE": "{qdrant-distance}",
        "HOMEPORT_WEBHOOKS": "request queue/claim queue/ack queue/fail",
    },
    files=(
        *n8n.SERVICE.files,
        StaticFile(source="catalog/presets/jett/n8n/credentials.json", target="credentials.json"),
        StaticFile(source="catalog/presets/jett/n8n/prepare.cjs", target="prepare.cjs"),
        StaticFile(source="catalog/presets/jett/n8n/workflows/*.json", target="workflows"),
    ),
    secret_files=(
        *n8n.SERVICE.secret_files,
        SecretFile(target="app_password", template="{jett-app-password}", syntax=FORMULA),
        SecretFile(target="qdrant_api_key", template="{qdrant-api-key}", syntax=FORMULA),
    ),
    volumes={"data": Volume(path="/home/node/.n8n", owner=(1000, 1000), name="n8n_data")},
    tmpfs={**n8n.SERVICE.tmpfs, "/tmp": "rw,noexec,nosuid"},
    ports=(Port(name="n8n", inside=5678, at="vpn", outside=5678),),
    needs=("postgres", "qdrant"),
    troubles={
        **n8n.SERVICE.troubles,
        "an update is refused for the size or the distance of a collection": (
            "neither can be changed: name another collection (option `qdrant-collection`)"
        ),
    },
    before=Question(command=("node", "-"), source="catalog/presets/jett/n8n/before.cjs"),
    sign_in=SignIn(user="{n8n-user}", secret="n8n-owner-password"),
    restart="always",
)

PORTAINER = replace(
    portainer.SERVICE,
    purpose="Portainer: container management, in the VPN only",
    networks=("jett_admin",),
    volumes={"data": Volume(path="/data", owner=(0, 0), name="portainer_data")},
    capabilities={"CAP_NET_BIND_SERVICE": "asked for by the system's description; 9000 would not need it"},
    ports=(Port(name="portainer", inside=9000, at="vpn", outside=9000),),
    restart="always",
)

UPTIME_KUMA = replace(uptime_kuma.SERVICE, networks=("jett_apps", "jett_default"), restart="always")
