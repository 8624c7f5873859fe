"""One look at everything that a stack rents or opens, before its first resource is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from homeport.cli.output import print_json
from homeport.cli.phases import phase, say
from homeport.cli.preflight.findings import Finding, Report, findings_of
from homeport.model.fixes import for_stack, keep, run
from homeport.model.placeholders import stands_in
from homeport.plan.zone import provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.model.errors import Problem

_PREFIX = "homeport:"


def look(pulumi: PulumiCli) -> Report:
    """What is found; nothing for a stack that rents and opens nothing. No update may be running.

    Raises:
        ToolError: A secret or an address in the configuration is not what it should be.
    """
    plan = pulumi.stack.plan
    rents = any(host.mode == "create" for host in plan.settings.hosts.values())
    if not rents and plan.settings.cloudflare is None and provider(plan.settings) != "ovh":
        return Report(stack=pulumi.stack.name)
    config, state = pulumi.config(), pulumi.state()
    probes: list[Callable[[], Iterable[Finding]]] = []
    ends: list[Callable[[], None]] = []
    if rents:
        from homeport.cli.preflight import hetzner  # noqa: PLC0415  # dev pays for no HTTP client

        if token := config.get(f"{_PREFIX}hcloud-token"):
            base, key = config.get("hcloud:endpoint", ""), config.get(f"{_PREFIX}ssh-private-key", "")
            project = hetzner.Hetzner(plan, state, token, base, _public(key))
            probes += project.probes()
            ends.append(project.close)
        else:
            probes.append(lambda: [_missing("Hetzner token", "hcloud-token")])
    if plan.settings.cloudflare is not None:
        from homeport.cli.preflight import cloudflare  # noqa: PLC0415

        if token := config.get(f"{_PREFIX}cloudflare-api-token"):
            base = config.get("cloudflare:baseUrl", "")
            ids = plan.settings.cloudflare
            if not base and (why := stands_in(ids.account_id) or stands_in(ids.zone_id)):
                probes.append(lambda: [Finding(check="Cloudflare", outcome="unknown", what=f"was not asked: {why}")])
            else:
                account = cloudflare.Cloudflare(plan, ids, state, token, base)
                probes += account.probes()
                ends.append(account.close)
        else:
            probes.append(lambda: [_missing("Cloudflare token", "cloudflare-api-token")])
    if provider(plan.settings) == "ovh":
        from homeport.cli.ovh import preflight  # noqa: PLC0415  # few stacks have any

        probes.append(lambda: preflight(plan, config))
    try:
        name = pulumi.stack.name
        findings = (replace(item, fix=for_stack(item.fix, name)) for item in findings_of(probes))
        return Report(stack=name, findings=tuple(findings))
    finally:
        for end in ends:
            end()


def _missing(check: str, name: str) -> Finding:
    return Finding(check=check, outcome="refused", what="is not set", fix=run(keep(name)))


def _public(private: str) -> str:
    """The public half of a supplied SSH key; nothing for none, and for one that the program will refuse."""
    if not private:
        return ""
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415  # only who brings a key

    try:
        key = form.load_ssh_private_key(private.encode(), None).public_key()
    except (ValueError, TypeError):
        return ""
    return key.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


def require(pulumi: PulumiCli) -> Report:
    """Looks, shows what is found, and ends here if anything is refused: for `up`.

    Raises:
        ToolError: Something is refused; all of it is named, and nothing was made.
    """
    plan = pulumi.stack.plan
    asked = plan.settings.cloudflare is not None or provider(plan.settings) == "ovh"
    if not asked and all(host.mode != "create" for host in plan.settings.hosts.values()):
        return Report(stack=pulumi.stack.name)
    with phase("preflight: tokens, names, what can be ordered, price, DNS"):
        report = look(pulumi)
        for line in report.lines():
            say(f"    {line}")
    report.require()
    return report


def of_settings(stack: str, wrong: Iterable[Problem]) -> Report:
    """What is wrong before anybody is asked."""
    findings = (Finding(check=item.path, outcome="refused", what=item.what, fix=item.fix) for item in wrong)
    return Report(stack=stack, findings=tuple(findings))


def show(report: Report, *, as_json: bool) -> None:
    """The findings: a list for people, or one document."""
    if as_json:
        print_json(report.document())
        return
    nothing = f"ok  settings and secrets of stack {report.stack}; it needs no cloud"
    print("\n".join(report.lines() or [nothing]))
