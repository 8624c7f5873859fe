"""Starts all stacks, the infrastructure first. Variables: `.env.global`, over it `.env`, over it Infisical's export."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Final

from infra_tools import stacks
from infra_tools.console import OK, USAGE, ToolError
from infra_tools.docker import CommandError, Docker, plain_environment, run
from infra_tools.settings import IDENTITY, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from infra_tools.console import Console
    from infra_tools.stacks import Choice, Stack

# `infisical export` puts single quotes around a value and escapes none in it (Infisical/cli, packages/cmd/export.go): a
# value ends where a quote, a new line and another name follow.
_EXPORTED: Final = re.compile(r"^([^=\n]+)='(.*?)'\n(?=[^=\n]+='|\Z)", re.MULTILINE | re.DOTALL)


def main(argv: list[str], console: Console) -> int:
    """Runs the program; its exit code."""
    parser = argparse.ArgumentParser(prog="start_services.py", description=__doc__, allow_abbrev=False)
    stacks.options(parser)
    parser.add_argument("--stack", action="append", default=[], metavar="NAME", help="start this one only; repeatable")
    parser.add_argument("--without-infisical", action="store_true", help="take variables from the env files alone")
    parser.add_argument("--dry-run", action="store_true", help="say in which order, start nothing")
    options = parser.parse_args(argv)
    place = stacks.root(options.root)
    chosen = _chosen(stacks.stacks(place), options.stack)
    docker = Docker(console)
    choice = stacks.Choice(options.profile, options.environment)
    if options.dry_run:
        for stack in chosen:
            console.say(f"would start {stack.name}")
        return OK
    secrets: dict[str, str] | None = {} if options.without_infisical else None
    for stack in chosen:
        first = stack.name == stacks.INFRASTRUCTURE
        if not first:
            _need_network(docker)
        if secrets is None:
            secrets = _first_export(place, console) if first else export(place, console)
        _up(docker, stack, choice, stacks.environment(place, stack, secrets or {}, console))
        console.say(f"started {stack.name}")
        if first and secrets is None:
            # Infisical itself has only come up now; what it holds for this stack changes what needs it, and no more.
            secrets = export(place, console)
            _up(docker, stack, choice, stacks.environment(place, stack, secrets, console))
    return OK


def _chosen(known: list[Stack], names: list[str]) -> list[Stack]:
    unknown = [name for name in names if name not in {stack.name for stack in known}]
    if unknown:
        there = ", ".join(stack.name for stack in known)
        raise ToolError(f"no stack is called {', '.join(unknown)}\nfix: choose from: {there}", USAGE)
    return [stack for stack in known if not names or stack.name in names]


def _need_network(docker: Docker) -> None:
    if docker.inspect("network", stacks.NETWORK) is None:
        raise ToolError(
            f"{stacks.NETWORK} not found: start {stacks.INFRASTRUCTURE} first\n"
            f"fix: start_services.py --stack {stacks.INFRASTRUCTURE}"
        )


def _up(docker: Docker, stack: Stack, choice: Choice, variables: dict[str, str]) -> None:
    argv = [*stacks.compose(docker, stack, choice), "up", "--detach", "--wait"]
    try:
        run(
            argv,
            f"docker compose --project-directory {stack.folder} logs --tail 50",
            env={**variables, **plain_environment()},
        )
    except CommandError as problem:
        if f"{stacks.NETWORK} declared as external, but could not be found" in problem.stderr:
            raise ToolError(
                f"{stack.name}: {stacks.NETWORK} not found: start {stacks.INFRASTRUCTURE} first\n"
                f"fix: docker network create {stacks.NETWORK}   # or let {stacks.INFRASTRUCTURE}/networks.yml make it"
            ) from None
        raise


def _first_export(place: Path, console: Console) -> dict[str, str] | None:
    """Infisical's secrets where it runs already; None where it is among what is started first."""
    try:
        return export(place, console)
    except CommandError:
        return None


def export(place: Path, console: Console) -> dict[str, str]:
    """What `infisical export` gives: by the machine identity of the settings, or by whoever signed in.

    Raises:
        ToolError: The command is missing, or fails.
    """
    settings = Settings(place)
    env = plain_environment()
    fix = "check the INFISICAL_ variables; or start without it: start_services.py --without-infisical"
    argv = ["infisical", "export", "--format=dotenv", "--silent"]
    if settings.get("INFISICAL_CLIENT_ID"):
        known = settings.need(*IDENTITY)
        console.hide([known["INFISICAL_CLIENT_SECRET"]])
        # The command wants the API's root, and never an identity on its command line: anybody sees that.
        env |= {
            "INFISICAL_API_URL": f"{known['INFISICAL_API_URL'].rstrip('/').removesuffix('/api')}/api",
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": known["INFISICAL_CLIENT_ID"],
            "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": known["INFISICAL_CLIENT_SECRET"],
        }
        token = run(["infisical", "login", "--method=universal-auth", "--plain", "--silent"], fix, env=env).strip()
        console.hide([token])
        env |= {"INFISICAL_TOKEN": token}
        argv += [f"--env={known['INFISICAL_ENVIRONMENT']}", f"--projectId={known['INFISICAL_PROJECT_ID']}"]
    secrets = parsed(run(argv, fix, env=env))
    console.hide(secrets.values())
    return secrets


def parsed(text: str) -> dict[str, str]:
    """The variables in the output of `infisical export --format=dotenv`.

    Raises:
        ToolError: It is something else.
    """
    secrets = {found[1]: found[2] for found in _EXPORTED.finditer(text)}
    if "".join(f"{name}='{value}'\n" for name, value in secrets.items()) != text.lstrip("\n"):
        raise ToolError(
            "infisical export: its output is no list of NAME='value'\n"
            "fix: infisical export --format=dotenv   # does it print the secrets?"
        )
    return secrets
