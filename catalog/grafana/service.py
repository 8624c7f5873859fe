"""Grafana: dashboards, and alerts that go to Telegram. https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/.

Data sources, dashboards, alerts and who is told are files, read at each start; what people make in its pages is in its
volume. Its alerts leave by its first network: the second one, on which all that it asks is, has no way out.

Under the AGPL: it is run as its authors publish it, nothing of it is built or linked here (docs/catalog.md, its stub).
A preset has a route named ``grafana``.
"""

from homeport.model.image import ImageFacts
from homeport.model.preset import Option
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, SignIn, StaticFile, Volume
from homeport.model.template import TEXT, YAML

IMAGE = ImageFacts(
    repository="grafana/grafana",
    source="https://github.com/grafana/grafana/blob/main/Dockerfile",
    read="2026-11-29",
    user="472",
    entrypoint=("/run.sh",),
    writable=("/var/lib/grafana", "/tmp"),
    # Alpine's.
    tools=("sh", "wget"),
    ports=(3000,),
    health="GET /api/health: 200, and whether its database answers",
    digests={"13.1.3": "sha256:ab5cb380e3ff3172d6c8bd2e7cfd31cce977d2881b260e1f5bc089bf0b759b43"},
    digests_from=(
        "2026-11-29, found by searching public source for the tag: what most of the repositories pin it to "
        "(two have another digest, perhaps the one of a platform); no registry was asked"
    ),
)

OPTIONS = {
    "grafana-user": Option(
        default="admin",
        purpose="the name of Grafana's administrator",
        pattern=r"[a-z][a-z0-9._-]{0,30}",
        shape="1 to 31 lower-case letters, digits, '.', _ and -, a letter first",
    ),
}
"""What a preset with it lets the settings choose."""

TELEGRAM_TOKEN = SecretSpec(
    name="telegram-monitoring-token",
    kind="token",
    policy="supplied",
    purpose="for the Telegram bot that tells of alerts: its token, as its maker BotFather shows it",
    variable="TELEGRAM_MONITORING_BOT_TOKEN",
)
TELEGRAM_CHAT = SecretSpec(
    name="telegram-monitoring-chat",
    kind="text",
    policy="supplied",
    purpose="for alerts: the number of the Telegram chat that they go to",
    variable="TELEGRAM_MONITORING_CHAT_ID",
)

AGENTS_TOKEN = SecretSpec(
    name="telegram-openclaw-token",
    kind="token",
    policy="supplied",
    purpose="for the Telegram bot that tells of agents: its token, as its maker BotFather shows it",
    variable="TELEGRAM_OPENCLAW_BOT_TOKEN",
)
AGENTS_CHAT = SecretSpec(
    name="telegram-openclaw-chat",
    kind="text",
    policy="supplied",
    purpose="for agents: the number of the Telegram chat that they report to",
    variable="TELEGRAM_OPENCLAW_CHAT_ID",
)

SERVICE = Service(
    name="grafana",
    # renovate: datasource=docker depName=grafana/grafana
    image="grafana/grafana:13.1.3",
    purpose="Dashboards and alerts",
    networks=("frontend", "monitoring"),
    uid=472,
    gid=0,
    env={
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_LOG_MODE": "console",
        "GF_METRICS_ENABLED": "true",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PATHS_PROVISIONING": "/etc/homeport/provisioning",
        # Else it loads plugins from its makers' site at each start.
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_PUBLIC_DASHBOARDS_ENABLED": "false",
        # The image's entry point reads variables of this form from files (packaging/docker/run.sh).
        "GF_SECURITY_ADMIN_PASSWORD__FILE": "/etc/homeport/admin_password",
        "GF_SECURITY_ADMIN_USER": "{grafana-user}",
        "GF_SECURITY_COOKIE_SECURE": "true",
        "GF_SECURITY_COOKIE_SAMESITE": "strict",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_SECURITY_SECRET_KEY__FILE": "/etc/homeport/secret_key",
        "GF_SERVER_ROOT_URL": "{origin:grafana}",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
        "GF_USERS_ALLOW_SIGN_UP": "false",
    },
    files=(
        StaticFile(
            source="catalog/grafana/files/provisioning/datasources.yaml",
            target="provisioning/datasources/homeport.yaml",
        ),
        StaticFile(
            source="catalog/grafana/files/provisioning/dashboards.yaml", target="provisioning/dashboards/homeport.yaml"
        ),
        StaticFile(source="catalog/grafana/files/dashboards/*.json", target="dashboards"),
        StaticFile(source="catalog/grafana/files/alerting/hosts.yaml", target="provisioning/alerting/hosts.yaml"),
        StaticFile(source="catalog/grafana/files/alerting/pipeline.yaml", target="provisioning/alerting/pipeline.yaml"),
        StaticFile(source="catalog/grafana/files/alerting/policies.yaml", target="provisioning/alerting/policies.yaml"),
        StaticFile(
            source="catalog/grafana/files/alerting/service.yaml",
            target="provisioning/alerting/service-{service}.yaml",
            each=YAML,
        ),
    ),
    secret_files=(
        SecretFile(target="admin_password", template="{grafana-admin-password}", syntax=TEXT),
        SecretFile(target="secret_key", template="{grafana-secret-key}", syntax=TEXT),
        SecretFile(
            target="provisioning/alerting/contacts.yaml",
            syntax=YAML,
            template=(
                "apiVersion: 1\n"
                "contactPoints:\n"
                "  - orgId: 1\n"
                "    name: monitoring\n"
                "    receivers:\n"
                "      - uid: monitoring\n"
                "        type: telegram\n"
                "        settings:\n"
                '          bottoken: "{telegram-monitoring-token}"\n'
                '          chatid: "{telegram-monitoring-chat}"\n'
                "  - orgId: 1\n"
                "    name: agents\n"
                "    receivers:\n"
                "      - uid: agents\n"
                "        type: telegram\n"
                "        settings:\n"
                '          bottoken: "{telegram-openclaw-token}"\n'
                '          chatid: "{telegram-openclaw-chat}"\n'
                "  - orgId: 1\n"
                "    name: heartbeat\n"
                "    receivers:\n"
                "      - uid: heartbeat\n"
                "        type: webhook\n"
                # That all is not well any more is told by its silence.
                "        disableResolveMessage: true\n"
                "        settings:\n"
                '          url: "{grafana-heartbeat-url}"\n'
                "          httpMethod: POST\n"
            ),
        ),
    ),
    volumes={"data": Volume(path="/var/lib/grafana", owner=(472, 0))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"),
        interval=15,
        # The first start makes its tables.
        start_period=90,
        gate=240,
    ),
    set_once=("grafana-admin-password",),
    troubles={
        "no alert comes, and something is broken": (
            "alerts may not get out: Uptime Kuma says so, where the heartbeat's monitor is set up there"
        ),
    },
    limits=Limits(memory=512, cpus="1.0", pids=128, least=256),
    # Not of what it watches: it says that they are away.
    needs=(),
    grace=30,
    sign_in=SignIn(user="{grafana-user}", secret="grafana-admin-password"),
    secrets=(
        SecretSpec(
            name="grafana-admin-password",
            kind="account-password",
            purpose="for Grafana's administrator, set at its first start",
            variable="GRAFANA_ADMIN_PASSWORD",
        ),
        SecretSpec(
            name="grafana-secret-key",
            kind="hex64",
            encrypts=True,
            purpose="to encrypt what Grafana stores of tokens; lost, they are to be entered anew",
            variable="GF_SECURITY_SECRET_KEY",
        ),
        TELEGRAM_TOKEN,
        TELEGRAM_CHAT,
        AGENTS_TOKEN,
        AGENTS_CHAT,
        SecretSpec(
            name="grafana-heartbeat-url",
            kind="text",
            policy="supplied",
            purpose="for the heartbeat: the address of Uptime Kuma's push monitor that Grafana calls each minute",
            variable="GRAFANA_HEARTBEAT_URL",
        ),
    ),
)
