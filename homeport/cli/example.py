"""`preview --example`: what a preset is in an environment, with the configuration that is shipped beside it.

A stack that is thrown away: its folder, state and passphrase are temporary, its secrets are random, and Pulumi's engine
previews it as any other. It asks no cloud and no host, for nothing of it is there; in dev Docker's provider asks this
machine's daemon whether it is there.
"""

from __future__ import annotations

import datetime as dt
import re
import secrets
import tempfile
import textwrap
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from catalog.presets import registry
from homeport.cli import daemon
from homeport.cli.announce import Announcer, steps
from homeport.cli.consent import tell
from homeport.cli.invented import invented
from homeport.cli.output import print_json
from homeport.cli.phases import counted, phase, say
from homeport.cli.places import ROOT, examples
from homeport.cli.pulumi_cli import ensure, prepared
from homeport.cli.stack import PROJECT, Stack, read
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from homeport.cli.announce import Step
    from homeport.cli.pulumi_cli import PulumiCli

_KIND = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Between the words of a type, as in RemoteImage."""
ENVIRONMENTS = ("dev", "preprod", "prod")


def names() -> list[str]:
    """All examples: preset/environment."""
    return [f"{preset}/{environment}" for preset in registry.names() for environment in ENVIRONMENTS]


def example(name: str) -> Stack:
    """The stack of an example, without any secret.

    Args:
        name: preset/environment.

    Raises:
        ToolError: There is no such example.
    """
    if name not in names():
        fix = f"bin/homeport preview --example {names()[0]}"
        raise ToolError(
            f"--example {name[:64]}: there is no such example; there are: {', '.join(names())}\n  fix: {fix}"
        )
    preset, _, environment = name.partition("/")
    return read(environment, examples(preset))


def preview(name: str, *, json: bool = False) -> int:
    """Shows all that `up` would make of an example, and makes nothing; the exit code."""
    shipped = example(name)
    stack = _thrown_away(shipped)
    if stack.local:
        daemon.require(stack.docker)
    with phase("Pulumi's engine and plugins: here already, fetched, or built"):
        ensure()
    with tempfile.TemporaryDirectory(prefix="homeport-") as folder:
        pulumi = _ready(stack, Path(folder))
        log = Path(folder) / "events"
        with phase(f"pulumi preview, {shipped.preset} in {shipped.name} with its example's configuration"):
            code = pulumi.run("preview", "--suppress-permalink=true", events=log, quiet=True)
        planned = steps(log)
    if code:
        return 1
    if json:
        rows = [{"type": step.type, "name": step.name} for step in _sorted(planned)]
        print_json({"preset": shipped.preset, "environment": shipped.name, "resources": rows})
        return 0
    tell(Announcer(blueprint=stack.plan.blueprint).announce(planned))
    for line in _listed(planned):
        print(line)
    say(f"==> nothing was changed; the configuration: {_file(shipped)}")
    return 0


def _sorted(planned: list[Step]) -> list[Step]:
    return sorted(
        (step for step in planned if not step.type.startswith("pulumi:pulumi:")),
        key=lambda step: (step.type, step.name),
    )


def _listed(planned: list[Step]) -> list[str]:
    """The resources by their kind; a component is what others are parts of, and no thing of its own."""
    things = [step for step in _sorted(planned) if not step.type.startswith((f"{PROJECT}:", "pulumi:"))]
    lines = [f"{counted(len(things), 'resource')} of {len({step.type for step in things})} kinds"]
    for token, group in groupby(things, key=lambda step: step.type):
        text = f"{_KIND.sub(' ', token.rpartition(':')[2]).lower()}: {', '.join(step.name for step in group)}"
        lines += textwrap.wrap(text, 116, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)
    return lines


def _file(shipped: Stack) -> str:
    return f"catalog/presets/{shipped.preset.replace('-', '_')}/examples/Pulumi.{shipped.name}.yaml"


def _thrown_away(shipped: Stack) -> Stack:
    """The example as a stack of its own name, which may have names and addresses of documentation until tomorrow."""
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    waiver = {"reason": "an example, which nobody brings up", "expires": str(tomorrow)}
    waivers = {**shipped.settings.get("waivers", {}), "placeholders": waiver}
    name = f"example-{shipped.preset}-{shipped.name}"
    return Stack(name=name, preset=shipped.preset, settings={**shipped.settings, "waivers": waivers})


def _ready(stack: Stack, folder: Path) -> PulumiCli:
    """Pulumi for the stack, in a folder that has the program and no stack's file but this one's."""
    checkout, state = folder / "checkout", folder / "state"
    checkout.mkdir()
    state.mkdir()
    for path in ROOT.iterdir():
        if not path.name.startswith(("Pulumi.", ".git", "images.")) or path.name == "Pulumi.yaml":
            (checkout / path.name).symlink_to(path)
    config: dict[str, Any] = {f"{PROJECT}:preset": stack.preset, f"{PROJECT}:settings": stack.settings}
    (checkout / f"Pulumi.{stack.name}.yaml").write_text(yaml.safe_dump({"config": config}))
    pulumi = prepared(stack)
    own = {"PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_CONFIG_PASSPHRASE": secrets.token_hex(16)}
    pulumi = replace(pulumi, root=checkout, environ={**pulumi.environ, **own})
    pulumi.ask("stack", "init", named=False)
    supplied = {name: invented(spec) for name, spec in stack.plan.secrets.items() if spec.policy == "supplied"}
    if supplied:
        # On the command line, where others could read them: they are nobody's.
        pulumi.ask("config", "set-all", *(f"--secret={PROJECT}:{name}={value}" for name, value in supplied.items()))
    return pulumi
