"""auto-fix: a labelled issue at GitHub becomes a pull request (apps/auto_fix).

A preset says by ``{auto-fix-address}`` where it listens, and by ``{auto-fix-repositories}`` whose issues it takes.
"""

from homeport.model.host import Package
from homeport.model.host_program import HostFolder, HostProgram, HostUser, ProgramFile, ProgramPort
from homeport.model.secret import SecretSpec
from homeport.model.template import LINE, TEXT, UNIT

AUTO_FIX = HostProgram(
    name="auto-fix",
    purpose="Makes pull requests of labelled issues: webhook receiver, queue, and a coding agent in a sandbox",
    roles=("workstation",),
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
            text="ADDRESS={auto-fix-address}\nPORT=9010\nREPOSITORIES={auto-fix-repositories}\n",
            syntax=LINE,
        ),
        ProgramFile(target="/etc/homeport/auto-fix/worker.env", text="LABEL=auto-fix\n"),
        ProgramFile(
            target="/etc/homeport/auto-fix/agent.env",
            text="TEST_COMMAND={auto-fix-tests}\n",
            syntax=LINE,
        ),
        ProgramFile(
            target="/etc/homeport/auto-fix/webhook-secret", text="{github-webhook-secret}\n", syntax=TEXT, mode=0o400
        ),
        ProgramFile(
            target="/etc/homeport/auto-fix/github-token", text="{auto-fix-github-token}\n", syntax=TEXT, mode=0o400
        ),
        ProgramFile(target="/etc/homeport/auto-fix/agent-key", text="{auto-fix-agent-key}\n", syntax=TEXT, mode=0o400),
    ),
    units=("auto-fix-agent.socket", "auto-fix-worker.service", "auto-fix-receiver.service"),
    ports=(ProgramPort(number=9010, members=True),),
    secrets=(
        SecretSpec(
            name="github-webhook-secret",
            kind="text",
            policy="supplied",
            purpose="signs GitHub's webhooks to the auto-fix receiver; the same one stands in the webhook's page",
        ),
        SecretSpec(
            name="auto-fix-github-token",
            kind="text",
            policy="supplied",
            purpose="pushes branches and opens pull requests: fine-grained, for contents, issues and pull requests",
        ),
        SecretSpec(
            name="auto-fix-agent-key",
            kind="text",
            policy="supplied",
            purpose="the coding agent's own key at its model's provider, with a spending limit of its own",
        ),
    ),
)
