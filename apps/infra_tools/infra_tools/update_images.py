"""Pulls newer images for all stacks. Nothing is restarted: what runs goes on with what it has."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from infra_tools import stacks
from infra_tools.console import FAILED, OK, ToolError
from infra_tools.docker import Docker
from infra_tools.settings import Settings

if TYPE_CHECKING:
    from infra_tools.console import Console

_HARDENED: Final = "dhi.io"
"""Registry of Docker Hardened Images (docs.docker.com/dhi)."""
_ACCOUNT: Final = ("DHI_USERNAME", "DHI_ACCESS_TOKEN")
_SHORT: Final = len("sha256:") + 12


@dataclass(frozen=True)
class Pull:
    """What became of one image.

    Attributes:
        image: Its name.
        stacks: Who uses it.
        before: Digest before, empty for none.
        after: Digest after.
        result: `new`, `updated`, `unchanged` or `failed`.
        reason: Of a failure.
    """

    image: str
    stacks: tuple[str, ...]
    before: str
    after: str
    result: str
    reason: str = ""


def main(argv: list[str], console: Console) -> int:
    """Runs the program: 0, or 1 where a pull failed."""
    parser = argparse.ArgumentParser(prog="update_images.py", description=__doc__, allow_abbrev=False)
    stacks.options(parser)
    parser.add_argument("--skip-dhi-auth", action="store_true", help=f"do not sign in to {_HARDENED}")
    parser.add_argument("--json", action="store_true", help="print one document of JSON")
    options = parser.parse_args(argv)
    docker = Docker(console)
    choice = stacks.Choice(options.profile, options.environment)
    users = _images(docker, stacks.root(options.root), choice, console)
    if any(image.startswith(f"{_HARDENED}/") for image in users) and not options.skip_dhi_auth:
        _sign_in(docker, console)
    pulls = []
    for image, names in sorted(users.items()):
        pulls.append(_pull(docker, image, tuple(names), console))
        if not options.json:
            console.say(_line(pulls[-1]))
    failed = [pull for pull in pulls if pull.result == "failed"]
    if options.json:
        console.document({"images": [asdict(pull) for pull in pulls], "failed": len(failed)})
    else:
        count = sum(pull.result in ("new", "updated") for pull in pulls)
        console.say(f"{count} newer, {len(pulls) - count - len(failed)} unchanged, {len(failed)} failed")
        console.say(
            "nothing was restarted; to run the newer images: start_services.py" if count else "nothing to start"
        )
    for pull in failed:
        console.warn(f"{pull.image}: {pull.reason}\nfix: docker pull {pull.image}")
    return FAILED if failed else OK


def _images(docker: Docker, root: Any, choice: stacks.Choice, console: Console) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for stack in stacks.stacks(root):
        variables = stacks.environment(root, stack, {}, console)
        for service in stacks.model(docker, stack, choice, variables)["services"].values():
            # What is built here comes from no registry.
            if service.get("image") and "build" not in service:
                names = users.setdefault(str(service["image"]), [])
                names += [stack.name] if stack.name not in names else []
    return users


def _sign_in(docker: Docker, console: Console) -> None:
    settings = Settings()
    account = settings.need(*_ACCOUNT)
    console.hide([account[_ACCOUNT[1]]])
    docker(
        *("login", _HARDENED, "--username", account[_ACCOUNT[0]], "--password-stdin"),
        text=account[_ACCOUNT[1]],
        fix="check DHI_USERNAME and DHI_ACCESS_TOKEN, or leave it out: --skip-dhi-auth",
    )


def _digest(docker: Docker, image: str) -> str:
    about = docker.inspect("image", image)
    if about is None:
        return ""
    for named in about.get("RepoDigests") or []:
        return str(named).rpartition("@")[2]
    return str(about["Id"])


def _pull(docker: Docker, image: str, names: tuple[str, ...], console: Console) -> Pull:
    before = _digest(docker, image)
    try:
        docker("pull", "--quiet", image)
    except ToolError as problem:
        reason = console.clean(" ".join(str(problem).splitlines()[1:-1]))
        return Pull(image, names, before, before, "failed", reason)
    after = _digest(docker, image)
    result = "unchanged" if before == after else "updated" if before else "new"
    return Pull(image, names, before, after, result)


def _line(pull: Pull) -> str:
    before, after = pull.before[:_SHORT] or "none", pull.after[:_SHORT]
    change = f"{before} → {after}" if pull.result in ("new", "updated") else before
    return f"{pull.result:9} {pull.image}  {change}"
