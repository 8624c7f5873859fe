"""The budget guard: mode of the budget, alerts by Telegram. Our own program, ``apps/budget_guard``.

A preset has LiteLLM under the name ``litellm``, which has the other half, with ``postgresql`` and ``redis``.
"""

from catalog.grafana.service import TELEGRAM_CHAT, TELEGRAM_TOKEN
from catalog.postgresql.service import PASSWORD
from catalog.redis.service import PASSWORD as REDIS_PASSWORD
from homeport.model.image import ImageFacts
from homeport.model.preset import Option
from homeport.model.service import Build, Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="budget-guard",
    source="https://github.com/docker-library/python/blob/master/3.11/slim-bookworm/Dockerfile",
    read="2026-11-29",
    user="65532:65532",
    entrypoint=("python", "/opt/budget_guard/budget_guard.py", "--settings", "/etc/homeport/budget.json"),
    writable=("/var/lib/budget-guard",),
    tools=("python", "sh"),
    health="its last look was not long ago",
)

_AMOUNT, _SHARE = r"[0-9]{1,4}(\.[0-9]{1,2})?", r"0\.(0[1-9]|[1-9][0-9]?)|1(\.00?)?"

OPTIONS = {
    "budget-day-limit": Option(
        default="5.00",
        purpose=(
            "what language models may cost in a day of UTC, all together, in US dollars; each provider's share of it "
            "stays as it is (budget.md)"
        ),
        pattern=_AMOUNT,
        shape="an amount of dollars from 0 to 9999.99, such as 5.00",
    ),
    "budget-eco-reserve": Option(
        default="0.25",
        purpose="what eco models may cost a day beyond that, in US dollars; with 0 the limit is strict",
        pattern=_AMOUNT,
        shape="an amount of dollars from 0 to 9999.99, such as 0.25",
    ),
    "budget-warning": Option(
        default="0.70",
        purpose="the share of the day's or a month's limit at which a warning is sent; at most budget-critical",
        at_most="budget-critical",
        pattern=_SHARE,
        shape="a share from 0.01 to 1, such as 0.70",
    ),
    "budget-critical": Option(
        default="0.90",
        purpose="the share at which a critical alert is sent and, of the day's limit, eco mode begins",
        pattern=_SHARE,
        shape="a share from 0.01 to 1, such as 0.90",
    ),
}
"""What a preset with it lets the settings choose."""

CHOSEN = {
    "BUDGET_DAY_LIMIT": "{budget-day-limit}",
    "BUDGET_ECO_RESERVE": "{budget-eco-reserve}",
    "BUDGET_WARNING": "{budget-warning}",
    "BUDGET_CRITICAL": "{budget-critical}",
}
"""The same as variables, which take the place of ``budget.json``'s, for the guard and for LiteLLM."""

SERVICE = Service(
    name="budget-guard",
    image="budget-guard",
    build=Build(folder="apps/budget_guard", registry=""),
    purpose="Keeps the language models within their budget, and tells a person",
    uid=65532,
    networks=("backend", "egress"),
    env=CHOSEN,
    files=(StaticFile(source="apps/budget_guard/budget.json", target="budget.json"),),
    secret_files=(
        SecretFile(target="redis_password", template="{redis-password}", syntax=TEXT),
        SecretFile(target="postgresql_password", template="{postgresql-password}", syntax=TEXT),
        SecretFile(target="telegram_token", template="{telegram-monitoring-token}", syntax=TEXT),
        SecretFile(target="telegram_chat", template="{telegram-monitoring-chat}", syntax=TEXT),
    ),
    # That something is away cannot be remembered in what is away.
    volumes={"state": Volume(path="/var/lib/budget-guard", owner=(65532, 65532))},
    health=Health(
        test=(
            "python",
            "/opt/budget_guard/budget_guard.py",
            "--healthy",
            "--settings",
            "/etc/homeport/budget.json",
        ),
        interval=30,
        timeout=10,
        start_period=60,
    ),
    troubles={
        "nothing is admitted after a start": (
            "it has not looked for the first time yet: within a minute; its log says what is away"
        ),
    },
    limits=Limits(memory=96, cpus="0.25", pids=32, least=64),
    # Whose tables it reads; before its first look LiteLLM admits nothing.
    needs=("litellm", "postgresql", "redis"),
    grace=15,
    secrets=(
        PASSWORD,
        REDIS_PASSWORD,
        TELEGRAM_TOKEN,
        TELEGRAM_CHAT,
    ),
)
