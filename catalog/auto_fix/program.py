"""auto-fix: a labelled issue at GitHub becomes a pull request (apps/auto_fix).

A preset that has it says in the group of options ``autofix`` (``OPTIONS``) whose issues it takes. It listens at each of
the host's addresses: firewall and unit let in the mesh alone, whose address is there only once the mesh is.
"""

from homeport.model.host import Package
from homeport.model.host_program import HostFolder, HostProgram, HostUser, ProgramFile, ProgramPort
from homeport.model.preset import Option, OptionGroup
from homeport.model.route import Guard, Route
from homeport.model.secret import SecretSpec
from homeport.model.template import LINE, TEXT, UNIT

AUTO_FIX = HostProgram(
    name="auto-fix",
    purpose="Makes pull requests of labelled issues: webhook receiver, queue, and a coding agent in a sandbox",
    roles=("workstation",),
    section="autofix",
    users=(
        HostUser(name="auto-fix"),
        HostUser(name="auto-fix-hook", groups={"auto-fix": "the queue is the worker's"}),
        HostUser(name="auto-fix-agent"),
    ),
    folders=(
        HostFolder(path="/opt/auto-fix"),
        HostFolder(path="/etc/homeport/auto-fix", mode=0o755),
        # What the receiver makes in it is the worker's too: the group's bit is inherited.
        HostFolder(path="/var/lib/auto-fix", owner="auto-fix:auto-fix", mode=0o2770, data=True),
    ),
    packages=(Package(name="git", program="git"),),
    files=(
        ProgramFile(target="/opt/auto-fix", source="apps/auto_fix/*.py"),
        ProgramFile(target="/opt/auto-fix/README.md", source="apps/auto_fix/README.md"),
        ProgramFile(target="/etc/systemd/system", source="apps/auto_fix/units/*", syntax=UNIT),
        ProgramFile(
            target="/etc/homeport/auto-fix/receiver.env",
            text="ADDRESS=0.0.0.0\nPORT=9010\nREPOSITORIES={autofix-repositories}\n",
            syntax=LINE,
        ),
        ProgramFile(
            target="/etc/homeport/auto-fix/worker.env",
            text="LABEL=auto-fix\nTELEGRAM_URL=https://api.telegram.org\nTELEGRAM_CHAT={telegram-monitoring-chat}\n",
            syntax=LINE,
            mode=0o400,
        ),
        ProgramFile(
            target="/etc/homeport/auto-fix/agent.env",
            text="TEST_COMMAND={autofix-tests}\n",
            syntax=LINE,
        ),
        ProgramFile(
            target="/etc/homeport/auto-fix/webhook-secret", text="{github-webhook-secret}\n", syntax=TEXT, mode=0o400
        ),
        ProgramFile(
            target="/etc/homeport/auto-fix/github-token", text="{auto-fix-github-token}\n", syntax=TEXT, mode=0o400
        ),
        ProgramFile(target="/etc/homeport/auto-fix/agent-key", text="{auto-fix-agent-key}\n", syntax=TEXT, mode=0o400),
        ProgramFile(
            target="/etc/homeport/auto-fix/telegram-token",
            text="{telegram-monitoring-token}\n",
            syntax=TEXT,
            mode=0o400,
        ),
    ),
    units=("auto-fix-agent.socket", "auto-fix-worker.service", "auto-fix-receiver.service"),
    health="http://127.0.0.1:9010/health",
    ports=(ProgramPort(number=9010, members=True),),
    secrets=(
        SecretSpec(
            name="github-webhook-secret",
            kind="hex64",
            purpose="for auto-fix: GitHub signs its webhooks with it; the same one stands in the webhook's page",
            section="autofix",
        ),
        SecretSpec(
            name="auto-fix-github-token",
            kind="token",
            policy="supplied",
            purpose="for auto-fix: a fine-grained token of these repositories, for contents, issues and pull requests",
            section="autofix",
        ),
        SecretSpec(
            name="auto-fix-agent-key",
            kind="token",
            policy="supplied",
            purpose="for auto-fix: the coding agent's own key at its model's provider, with a spending limit",
            section="autofix",
        ),
    ),
)

ROUTE = Route(
    name="autofix",
    service="",
    port=0,
    upstream="http://{mesh:workstation}:9010",
    max_body=1024 * 1024,
    guards=(
        Guard(
            kind="open",
            paths=("/webhooks/github",),
            itself="the signature of GitHub's webhook",
            because="GitHub calls from the internet, and with no key but a signature",
        ),
        Guard(kind="closed", because="nothing else of it is for strangers"),
    ),
    section="autofix",
)

OPTIONS = OptionGroup(
    purpose="Whose labelled issues become pull requests (apps/auto_fix), on the workstation.",
    without="Left out: nobody's, and nothing of it runs.",
    default="nobody's",
    options=(
        (
            "repositories",
            Option(
                default="",
                purpose="Repositories at GitHub whose issues with the label auto-fix are taken, separated by blanks.",
                pattern=(
                    r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}"
                    r"(?: [A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}){0,31}"
                ),
                shape="1 to 32 of owner/name, separated by one blank each",
                example="alice/platform",
            ),
        ),
        (
            "tests",
            Option(
                default="",
                purpose="The command that must go well before a pull request is made; no shell reads it.",
                # systemd reads it as it is: without a backslash, and where no quote stands first (systemd.exec(5)).
                pattern=r"[A-Za-z0-9./_][ -\[\]-~]{0,499}",
                shape="a command of at most 500 characters, without a backslash",
                example="make test",
            ),
        ),
    ),
)
