"""Airflow: workflows as Python, on one node with a metadata database of its own. https://airflow.apache.org/docs/.

Airflow takes a secret as the output of a command (``…_CMD``), so all of them stay in files of mode 0400. A preset has a
route named ``airflow``, the service ``DATABASE``, and in it the database and the role ``airflow``.

Airflow 3 has its health at ``/api/v2/monitor/health``; ``/health``, where Airflow 2 had it, is answered with 404.
"""

from dataclasses import replace

from catalog.postgres import service as postgres
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, Port, SecretFile, Service, SignIn, StaticFile, Volume
from homeport.model.template import TEXT, URL

IMAGE = ImageFacts(
    repository="apache/airflow",
    source="https://github.com/apache/airflow/blob/main/Dockerfile",
    read="2026-11-29",
    user="airflow",
    entrypoint=("/usr/bin/dumb-init", "--", "/entrypoint"),
    writable=("/opt/airflow", "/tmp"),
    tools=("bash", "sh", "python", "airflow", "curl", "cat"),
    ports=(8080,),
    health="GET /api/v2/monitor/health: 200, and how each of its processes is",
)

SERVICE = Service(
    name="airflow",
    # renovate: datasource=docker depName=apache/airflow
    image="apache/airflow:3.3.2-python3.11",
    purpose="Workflows in Python",
    entrypoint=("bash",),
    command=("/etc/homeport/start.sh",),
    # The image's airflow (Dockerfile, AIRFLOW_UID).
    uid=50000,
    env={
        "HOME": "/tmp",
        "AIRFLOW_HOME": "/opt/airflow",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_FOLDER": "/etc/homeport/dags",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY_CMD": "cat /etc/homeport/fernet_key",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        # Tasks report here: by the address below they would leave the host and come back by the proxy.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "http://127.0.0.1:8080/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "cat /etc/homeport/database_url",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "3",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "5",
        "AIRFLOW__DATABASE__EXTERNAL_DB_MANAGERS": "airflow.providers.fab.auth_manager.models.db.FABDBManager",
        "AIRFLOW__API__BASE_URL": "{origin:airflow}",
        "AIRFLOW__API__SECRET_KEY_CMD": "cat /etc/homeport/api_secret",
        "AIRFLOW__API__EXPOSE_CONFIG": "False",
        "AIRFLOW__API__EXPOSE_STACKTRACE": "False",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET_CMD": "cat /etc/homeport/jwt_secret",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "60",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": "/opt/airflow/logs",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        # Behind the proxy: whom a limit of failed sign-ins is for, and that cookies are for HTTPS alone.
        "AIRFLOW__FAB__ENABLE_PROXY_FIX": "True",
        "FORWARDED_ALLOW_IPS": "*",
        # The image's Python files are not compiled: once in each container, not once in each process.
        "PYTHONPYCACHEPREFIX": "/tmp/pycache",
    },
    files=(
        StaticFile(source="catalog/airflow/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/airflow/files/health", target="health"),
        StaticFile(source="apps/airflow_dags/dags/**/*", target="dags"),
    ),
    secret_files=(
        SecretFile(target="fernet_key", template="{airflow-fernet-key}", syntax=TEXT),
        SecretFile(target="api_secret", template="{airflow-api-secret}", syntax=TEXT),
        SecretFile(target="jwt_secret", template="{airflow-jwt-secret}", syntax=TEXT),
        SecretFile(target="admin_password", template="{airflow-password}", syntax=TEXT),
        SecretFile(
            target="database_url",
            template="postgresql+psycopg2://airflow:{airflow-database-password}@airflow-db:5432/airflow",
            syntax=URL,
        ),
    ),
    volumes={"logs": Volume(path="/opt/airflow/logs", owner=(50000, 50000))},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=256m,mode=1777",
        # Where it writes a configuration that nobody gave it.
        "/opt/airflow": "rw,noexec,nosuid,nodev,size=16m,uid=50000,gid=50000,mode=0755",
    },
    health=Health(
        # 200 says that it answers; the words, that the scheduler and the processor of DAGs have been heard of lately.
        test=("python", "/etc/homeport/health"),
        interval=20,
        timeout=15,
        # The first start makes the tables.
        start_period=240,
        gate=600,
    ),
    troubles={
        "the administrator has the old password again": "each start sets the secret `airflow-password`: rotate that",
    },
    limits=Limits(memory=2560, cpus="2.0", pids=256, least=1536),
    needs=("airflow-db",),
    ports=(Port(name="http", inside=8080, outside=8081, at="here"),),
    grace=60,
    sign_in=SignIn(user="admin", secret="airflow-password"),
    secrets=(
        SecretSpec(
            name="airflow-password",
            kind="account-password",
            purpose="for Airflow's administrator, the user admin",
            variable="AIRFLOW_ADMIN_PASSWORD",
        ),
        SecretSpec(
            name="airflow-fernet-key",
            kind="base64",
            encrypts=True,
            purpose="to encrypt the connections and variables that Airflow stores; lost, they are unreadable for ever",
            variable="AIRFLOW__CORE__FERNET_KEY",
        ),
        SecretSpec(
            name="airflow-api-secret",
            kind="hex64",
            purpose="to sign Airflow's sessions; a new one signs everybody out",
            variable="AIRFLOW__API__SECRET_KEY",
        ),
        SecretSpec(
            name="airflow-jwt-secret",
            kind="hex64",
            purpose="to sign what Airflow's processes and its API's callers prove themselves with",
            variable="AIRFLOW__API_AUTH__JWT_SECRET",
        ),
        SecretSpec(name="airflow-database-password", purpose="for Airflow's role in its PostgreSQL"),
    ),
)

DATABASE = replace(
    postgres.ALONE,
    name="airflow-db",
    purpose="PostgreSQL of Airflow alone",
    files=(
        StaticFile(
            source="catalog/airflow/files/db/postgresql.conf",
            target="postgresql.conf",
            sizes=("shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size"),
        ),
        StaticFile(source="catalog/airflow/files/db/pg_hba.conf", target="pg_hba.conf"),
    ),
    health=Health(
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "airflow", "-d", "airflow"), interval=5, start_period=60
    ),
)
