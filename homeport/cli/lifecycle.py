"""`up`, `down` and `preview`: everything that has to be there first, then Pulumi's own command."""

from __future__ import annotations

import hashlib
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.cli import consent, daemon, hosts, image_lock, ovh, settled, status
from homeport.cli.ahead import check_ahead, refuse_guests
from homeport.cli.announce import measured
from homeport.cli.clouds import keys, left_at_hetzner, recover_clouds
from homeport.cli.consent import agreed, announcement, tell
from homeport.cli.drift import Looked, delivered, look, remove_spoilt
from homeport.cli.lock import held, remove_dead_lock
from homeport.cli.lockout import refuse_end_by_inner_network, refuse_lockout, ways_before
from homeport.cli.lost import forget_lost
from homeport.cli.output import print_json
from homeport.cli.phases import phase, say, total
from homeport.cli.preflight import dns
from homeport.cli.preflight.look import look as look_at_clouds
from homeport.cli.preflight.look import of_settings, require, show
from homeport.cli.pulumi_cli import STDERR, BrokenStateError, ensure, module, prepared
from homeport.cli.repair import repair
from homeport.model import names
from homeport.model.docker_here import here
from homeport.model.errors import ToolError
from homeport.model.fixes import both, drop_command, for_stack, put_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from homeport.cli.ahead import Check
    from homeport.cli.drift import Drift, Place
    from homeport.cli.lock import Run
    from homeport.cli.preflight.findings import Report
    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.cli.stack import Stack
    from homeport.cli.status import Status

_QUIET = ("--suppress-permalink=true", "--suppress-outputs")
_HINT = ("The resources in the stack have been deleted, but", "If you want to remove the stack completely, run")
"""How the lines begin that advise to delete a stack's settings too (pulumi v3.255, pkg/cmd/pulumi/operations)."""
PLACES: tuple[Place, ...] = (ovh.drift,)
"""Where `up` and `preview` look for what was changed by hand, beside Docker; each answers with findings."""
CHECKS: tuple[Check, ...] = ()
"""What is checked before an update removes anything, beside Docker and databases; each answers with problems."""


def up(
    stack: Stack,
    *,
    yes: bool,
    json: bool = False,
    refresh: bool = False,
    give_up: Sequence[str] = (),
    noted: Run | None = None,
) -> int:
    """Brings a stack up, after a killed run too; the exit code.

    Args:
        stack: The stack.
        yes: Nobody is asked.
        json: Standard output holds the stack's status as one document, and nothing else.
        refresh: Pulumi asks for every resource, also where a look at Docker sees no change.
        give_up: Names of data and keys that may be lost.
        noted: Where is noted how far it comes, as `held` has it.
    """
    with held(stack.name, "make up", noted) as run:
        if not run.killed and not refresh and (current := _settled(stack)):
            say(f"==> nothing to do: {len(current.services)} services run as the last update left them")
            status.show(current, json=json)
            return 0
        stack.refuse_wrong()
        pulumi = _ready(stack, images=True, json=json)
        # After the lock of images is written, and before the program reads anything.
        inputs = settled.inputs(stack.name)
        _refuse_nobody(stack, "up", yes=yes)
        recovered = recover(pulumi, run)
        refuse_lockout(pulumi)
        _ready_there(pulumi, run, recovered=recovered)
        hosts.before_update(pulumi)
        drift = _drift(pulumi)
        check_ahead(pulumi, CHECKS)
        asked = ("--refresh",) if refresh else ()
        if not _agreed(pulumi, dict.fromkeys((*drift.preview_flags, *asked)), yes=yes, give_up=give_up):
            say("==> nothing was changed")
            return 1
        settled.unsettle(stack.name)
        remove_spoilt(pulumi, drift)
        code = _converge(
            pulumi, run, "--yes", "--skip-preview", *dict.fromkeys((*drift.flags, *asked)), recovered=recovered
        )
    if code:
        say(
            f"==> pulumi up failed (code {code}); the reason is above. "
            "What was made stays; repair the cause and run `make up` again"
        )
        for line in keys(pulumi):
            say(f"    {line}")
        return 1
    _settle(pulumi, inputs)
    current = status.recovered(pulumi, status.status(pulumi))
    say("")
    status.show(current, json=json)
    total(f"up: stack {stack.name}")
    return 0 if current.updated else 1


def _settled(stack: Stack) -> Status | None:
    """The stack's status, where nothing that an update depends on is other than after the last one; else None."""
    last = settled.read(stack.name)
    digest = settled.digester()
    if not last.inputs or digest is None or last.inputs != settled.inputs(stack.name):
        return None
    resources = last.resources()
    if resources is None or last.docker != here():
        return None
    try:
        if any(Looked(resources, last.delivered, digest).findings([last.docker])):
            return None
        current = status.of_state(stack.name, resources, last.docker)
    except ToolError:
        return None
    return current if current.healthy else None


def _settle(pulumi: PulumiCli, inputs: str) -> None:
    """Notes what the update left, where the next one can look at it without Pulumi: on this machine."""
    file = settled.state_file(pulumi.state_folder, pulumi.stack.name)
    digest = settled.digester()
    if not pulumi.stack.local or file is None or digest is None:
        return
    text = file.read_bytes()
    settled.write(
        pulumi.stack.name,
        settled.Settled(
            inputs=inputs,
            state=str(file),
            digest=hashlib.sha256(text).hexdigest(),
            docker=dict(pulumi.stack.docker),
            delivered=delivered(pulumi.secret_state().get("resources") or [], digest),
            seconds=settled.read(pulumi.stack.name).seconds,
        ),
    )


def _drift(pulumi: PulumiCli) -> Drift:
    with phase("what was changed by hand"):
        drift = look(pulumi, PLACES)
        drift.say()
    return drift


def _agreed(pulumi: PulumiCli, flags: Iterable[str], *, yes: bool, give_up: Sequence[str]) -> bool:
    """Whether the update may begin, once it has been announced."""
    dev = pulumi.stack.environment == "dev"
    if dev and not pulumi.state().get("resources"):
        return True
    told = announcement(pulumi, tuple(flags), quiet=dev)
    if told is None:
        say("==> the preview failed, for the reason above")
        return False
    tell(told)
    return agreed(pulumi, told, yes=yes, give_up=give_up)


def update(pulumi: PulumiCli, run: Run, *flags: str) -> int:
    """Brings a prepared stack up, after a killed run too; Pulumi's exit code."""
    recovered = recover(pulumi, run)
    refuse_lockout(pulumi)
    _ready_there(pulumi, run, recovered=recovered)
    hosts.before_update(pulumi)
    return _converge(pulumi, run, *flags, recovered=recovered)


def _ready_there(pulumi: PulumiCli, run: Run, *, recovered: bool) -> None:
    """Refuses what the clouds would refuse later; what a killed run's provider has just made is removed first."""
    try:
        require(pulumi)
    except ToolError:
        if not recovered:
            raise
        _late(pulumi, run)
        require(pulumi)


def _converge(pulumi: PulumiCli, run: Run, *flags: str, recovered: bool) -> int:
    pulumi = replace(pulumi, environ={**pulumi.environ, **ways_before(pulumi)})
    flags = ("--message", settled.message(pulumi.root), *flags)
    with phase(f"pulumi up, stack {pulumi.stack.name}"):
        code = _measured(pulumi, run, *flags)
    if code and recovered:
        # A provider's last request can outlive the engine that was killed: what it made shows only now.
        with phase("once more, because the last run was killed"):
            _late(pulumi, run)
            run.changing = True
            code = pulumi.run("up", *_QUIET, *flags)
    elif recovered:
        repair(pulumi, killed=True)
    if not code and not pulumi.stack.local:
        # A provider asks again when an answer is lost, and Cloudflare makes a second one without a word.
        recover_clouds(pulumi, run.since)
    return code


def _measured(pulumi: PulumiCli, run: Run, *flags: str) -> int:
    """Runs the update, and notes how long each service was away: the next announcement says it."""
    with tempfile.TemporaryDirectory(prefix="homeport-") as folder:
        log = Path(folder) / "events"
        run.changing, code = True, 1
        try:
            code = pulumi.run("up", *_QUIET, *flags, events=log)
        finally:
            # Pulumi opens it once it has the stack's lock: else somebody else has it, and nothing was begun.
            run.changing = not code or log.exists()
        last = settled.read(pulumi.stack.name)
        settled.write(pulumi.stack.name, replace(last, seconds={**last.seconds, **measured(log)}))
    return code


def down(stack: Stack, *, yes: bool, json: bool = False, keep_data: bool = False, delete_data: str = "") -> int:
    """Removes a stack, and what carries its label; the exit code.

    Args:
        stack: The stack.
        yes: Nobody is asked.
        json: Standard output holds one document, and nothing else.
        keep_data: What is protected stays, and what that needs: data volumes, their server.
        delete_data: The stack's name: what is protected goes as well.
    """
    with held(stack.name, "make down") as run:
        pulumi = _ready(stack, images=False, json=json)
        refuse_guests(pulumi)
        refuse_end_by_inner_network(pulumi)
        protected = protected_objects(pulumi, keep_data=keep_data, delete_data=delete_data)
        _refuse_nobody(stack, "down", yes=yes)
        _recover_for_the_end(pulumi, run)
        if not _agreed_to_end(pulumi, yes=yes, protected=protected, keep_data=keep_data):
            say("==> nothing was removed")
            return 1
        settled.unsettle(stack.name)
        run.changing = True
        code = destroy(pulumi, protected=protected, keep_data=keep_data)
        if code:
            say(
                f"==> pulumi destroy failed (code {code}); the reason is above. "
                "Repair the cause and run `make down` again"
            )
            return 1
        kept = [] if keep_data else _leftovers(pulumi)
        if not stack.local and not keep_data:
            kept += left_at_hetzner(pulumi)
    if keep_data:
        for name in protected:
            say(f"    kept: {name}")
        kept = [{"kind": name.partition(" ")[0], "name": name.partition(" ")[2]} for name in protected]
    if json:
        print_json({"stack": stack.name, "removed": True, "kept": kept})
    total(f"down: stack {stack.name}")
    return 0


def protected_objects(pulumi: PulumiCli, *, keep_data: bool, delete_data: str) -> list[str]:
    """What the state protects, in words.

    Raises:
        ToolError: There is something, and nobody has said what is to become of it.
    """
    stack = pulumi.stack.name
    rows = [item for item in pulumi.state().get("resources") or [] if item.get("protect")]
    names = sorted(f"{item['type'].rpartition(':')[2].lower()} {_called(item)}" for item in rows)
    if delete_data and delete_data != stack:
        raise ToolError(
            f"--delete-data {delete_data}: names another stack than {stack}; nothing was removed\n"
            f"  fix: {both('down', stack, f'--delete-data {stack}')}"
        )
    if names and not keep_data and not delete_data:
        raise ToolError(
            f"stack {stack}: its data is protected: {', '.join(names)}; nothing was removed\n"
            f"  fix: {both('down', stack, '--keep-data')}: these stay, with their server; all else is removed\n"
            f"  or, after a backup: {both('down', stack, f'--delete-data {stack}')}: all of it is deleted"
        )
    return names


def _called(resource: Mapping[str, Any]) -> str:
    return str((resource.get("inputs") or {}).get("name") or names.logical(resource["urn"]))


def _recover_for_the_end(pulumi: PulumiCli, run: Run) -> None:
    """As before an update; a cloud that cannot be asked is no obstacle where nothing of it was ever made.

    Raises:
        ToolError: It cannot be asked, and the state knows of something there.
    """
    try:
        recover(pulumi, run)
    except BrokenStateError:
        raise
    except ToolError as error:
        made = [item for item in pulumi.state().get("resources") or [] if _in_a_cloud(item)]
        if made or run.killed:
            raise
        say(f"    {str(error).splitlines()[0]}")
        say("    The state knows of nothing there, so what was begun is given up; look into the account once more.")


def _in_a_cloud(resource: Mapping[str, Any]) -> bool:
    return str(resource.get("type", "")).startswith(("hcloud:", "cloudflare:")) and bool(resource.get("id"))


def _agreed_to_end(pulumi: PulumiCli, *, yes: bool, protected: Sequence[str], keep_data: bool) -> bool:
    stack = pulumi.stack
    if yes:
        return True
    waiting = "" if consent.somebody() else consent.piped()
    if not consent.somebody() and not waiting:
        return True
    rows = pulumi.state().get("resources") or []
    data = [] if keep_data else sorted(_called(item) for item in rows if _is_data(item))
    what = f" and DELETES ALL ITS DATA ({', '.join(data)})" if data else ""
    word = stack.name if protected and not keep_data else "yes"
    question = f"==> this takes stack {stack.name} down{what}. Type {word}, anything else removes nothing"
    return (waiting or consent.answer(question)) == word


def _is_data(resource: Mapping[str, Any]) -> bool:
    labels = (resource.get("inputs") or {}).get("labels") or ()
    return {"label": "homeport.data", "value": "true"} in labels and resource["type"].endswith(":Volume")


def destroy(pulumi: PulumiCli, *, protected: Sequence[str], keep_data: bool) -> int:
    """Removes a stack's resources; Pulumi's exit code.

    Args:
        pulumi: The stack and its Pulumi.
        protected: What the state protects; empty where there is nothing.
        keep_data: That stays, and what it needs; else it goes with everything.
    """
    flags = (*_QUIET, "--yes", "--skip-preview")
    if protected and not keep_data:
        _release(pulumi)
    with phase(f"pulumi destroy, stack {pulumi.stack.name}"):
        # A connector goes before its tunnel, which Cloudflare does not delete while it is connected. Beside its server
        # it would be passed over: what goes with a server is not removed one by one.
        connectors = [item["urn"] for item in pulumi.state().get("resources") or [] if _is_connector(item)]
        targets = [f"--target={urn}" for urn in connectors]
        if targets and (code := pulumi.run("destroy", *flags, "--target-dependents", *targets)):
            return code
        # What follows says itself what is left; the stack, its settings and its keys are to stay for the next `up`.
        return pulumi.run_without(_HINT, "destroy", *flags, *(["--exclude-protected"] if keep_data else []))


def _is_connector(resource: Mapping[str, Any]) -> bool:
    return "homeport:cloudflare:" in resource["urn"] and bool(resource.get("deletedWith"))


def _release(pulumi: PulumiCli) -> None:
    """Takes from the state what keeps data: its protection, and that Docker keeps a volume which leaves the stack."""
    kept = ("protect", "retainOnDelete")
    pulumi.rewrite(
        lambda rows: [{key: value for key, value in row.items() if key not in kept} for row in rows],
    )


def preview(stack: Stack, arguments: list[str]) -> int:
    """Shows what `up` would change, and what was changed by hand; nothing is changed by it.

    Raises:
        ToolError: The stack is on this machine, whose Docker does not answer; nothing is installed or started.
    """
    if not any(word.startswith(("-c", "--config")) for word in arguments):
        stack.refuse_wrong()
    if stack.local:
        daemon.require(stack.docker)
    pulumi = _pulumi(stack)
    image_lock.show(stack)
    if "--json" in arguments:
        return (
            1
            if pulumi.run("preview", "--suppress-permalink=true", *arguments, *look(pulumi, PLACES).preview_flags)
            else 0
        )
    drift = _drift(pulumi)
    flags = (*arguments, *(flag for flag in drift.preview_flags if flag not in arguments))
    # A refresh has Pulumi list every resource, and name what differs by its inputs' names.
    short = bool(drift.findings) and not arguments
    told = announcement(pulumi, flags, quiet=short)
    if told is None:
        return 1
    tell(told)
    if short:
        say(f"    Pulumi's own list: bin/homeport preview --stack {stack.name} --diff")
    for loss in told.losses:
        say(f"    LOST for good: {loss.what}; up asks for it by name")
    hosts.before_update(pulumi, preview=True)
    check_ahead(pulumi, CHECKS)
    return 0


def preflight(stack: Stack, *, json: bool, others: bool, yes: bool) -> int:
    """Looks at what `up` would need, and makes nothing; the exit code.

    With `others`, what others made under the stack's names is removed, after asking. Where the settings are wrong no
    cloud and no host is asked: what they name is nobody's, or not what is meant.
    """
    if stack.wrong:
        if not json:
            stack.refuse_wrong()
        show(of_settings(stack.name, stack.wrong), as_json=True)
        return 1
    pulumi = _pulumi(stack)
    report = _looked(pulumi)
    if others and any(finding.foreign for finding in report.findings):
        from homeport.cli.preflight.take_over import take_over  # noqa: PLC0415  # only who asks for it

        for line in report.lines():
            say(line)
        _agree(stack, yes=yes)
        for line in take_over(report, pulumi.config()):
            say(f"    removed: {line}")
        report = _looked(pulumi)
    show(report, as_json=json)
    return 1 if report.refused else 0


def _looked(pulumi: PulumiCli) -> Report:
    """What the clouds, the hosts and the names of the routes answer."""
    report = look_at_clouds(pulumi)
    return replace(report, findings=(*report.findings, *hosts.findings(pulumi), *dns.findings(pulumi.stack.plan)))


def _agree(stack: Stack, *, yes: bool) -> None:
    if yes:
        return
    if not consent.somebody():
        raise ToolError(f"stack {stack.name}: nobody is here to agree that it is removed\n  fix: add --yes")
    if input("Remove what is named above, so that this stack can have the names? (yes/no) ") != "yes":
        raise ToolError(f"stack {stack.name}: nothing was removed\n  fix: answer yes, or give the routes other names")


def refuse_up(stack: Stack) -> None:
    """Fails where anything of a stack is there.

    Raises:
        ToolError: Something is, or somebody is at work on it.
    """
    with held(stack.name, "homeport once"):
        pulumi = _pulumi(stack)
        if not _holds(pulumi):
            # Only where there is nothing to forget: a refresh drops what was under way.
            pulumi.refuse_running()
        if _holds(pulumi):
            raise ToolError(
                f"stack {stack.name}: is up already, or a part of it, and may be somebody's; nothing was changed\n"
                f"  fix: {both('down', stack.name, '--yes')}, if nobody needs it any more"
            )


def _holds(pulumi: PulumiCli) -> bool:
    state = pulumi.state()
    return bool(state.get("resources") or state.get("pending_operations"))


def repair_stack(stack: Stack) -> bool:
    """What `up` does after a killed run, alone and on request; whether there was something to repair.

    Raises:
        ToolError: The stack's lock is held, or was left where nobody here can tell.
    """
    with held(stack.name, "make repair") as run:
        _docker(stack)
        pulumi = _pulumi(stack)
        if not pulumi.state().get("pending_operations"):
            # Else `repair` takes the lock with a refresh of all; one of something else would forget what was under way.
            pulumi.refuse_running()
        repaired = _unlocked(pulumi, run)
        pulumi.refuse_broken()
        repaired = _clear(pulumi, run) or repaired
        run.recovered = True
        drift = _drift(pulumi)
    if drift.findings:
        say(f"make up STACK={stack.name} puts back what was changed by hand")
    elif repaired:
        say(f"repaired; now run make up STACK={stack.name}")
    else:
        say("there is nothing to repair: nothing was left by a killed run, and all is as the last update left it")
    return repaired


def _docker(stack: Stack) -> None:
    """This machine's Docker where services run on it; over there the program installs it."""
    if stack.local:
        daemon.ensure(stack.docker)


def _ready(stack: Stack, *, images: bool, json: bool) -> PulumiCli:
    with phase("Docker"):
        _docker(stack)
    pulumi = _pulumi(stack, stack.images() if images and stack.local else [])
    if images:
        with phase("the images' digests"):
            image_lock.settle(stack)
    return replace(pulumi, output=STDERR) if json else pulumi


def _pulumi(stack: Stack, images: Sequence[str] = ()) -> PulumiCli:
    what = "Pulumi's engine and plugins" + (", and the images: here already, fetched, or built" if images else "")
    try:
        with phase(what):
            ensure(images, contracts=stack.contracts() if images else ())
    except ToolError as error:
        raise ToolError(f"{error}{_named_in(stack)}" if "toolchain.images" in str(error) else str(error)) from None
    pulumi = prepared(stack)
    if not pulumi.has_stack:
        module("toolchain.engine", "init-stack", stack.name, quiet=True)
    return pulumi


def _is_here(stack: Stack, image: str) -> bool:
    return not daemon.run("image", "inspect", image, where=stack.docker, check=False).returncode


def _named_in(stack: Stack) -> str:
    """Where the settings name images that nobody else does, with the way back: a wrong tag is the usual reason."""
    root = "homeport:settings"
    from homeport.settings.section import section  # noqa: PLC0415  # pydantic, which only a refusal needs

    apps = {f"{root}.apps.{name}.image": block for name, block in section(stack.settings, "apps").items()}
    services = {f"{root}.services.{name}.image": block for name, block in section(stack.settings, "services").items()}
    named = {
        path: str(block["image"])
        for path, block in {**apps, **services}.items()
        if isinstance(block, dict) and block.get("image") and not _is_here(stack, str(block["image"]))
    }
    lines = [f"    {path}: {image}" for path, image in named.items()]
    fixes = [put_command(path) if path in apps else drop_command(path) for path in named]
    if not lines:
        return ""
    shown = "\n".join(f"  fix: {for_stack(fix, stack.name)}" for fix in fixes)
    return "\n".join(["\n  images that the settings name (does the tag exist?):", *lines, shown])


def recover(pulumi: PulumiCli, run: Run) -> bool:
    """Puts right what a killed run left, before anything new begins; true when there was one."""
    killed = _unlocked(pulumi, run) or run.killed
    pulumi.refuse_broken()
    pending = _under_way(pulumi)
    if not pulumi.stack.local:
        recover_clouds(pulumi, run.since, pending)
        forget_lost(pulumi)
    repaired = repair(pulumi, killed=killed, pending=pending)
    run.recovered = True
    return repaired or killed


def _unlocked(pulumi: PulumiCli, run: Run) -> bool:
    """Removes the lock of a Pulumi that was killed, alone or on another machine; true when there was one.

    No mark of ours says when that began: it took its lock then.
    """
    taken = remove_dead_lock(pulumi)
    run.since = run.since or taken
    return bool(taken)


def _late(pulumi: PulumiCli, run: Run) -> None:
    """Removes what a provider made after its engine was killed, and nobody noted."""
    time.sleep(2)
    _clear(pulumi, run)


def _clear(pulumi: PulumiCli, run: Run) -> bool:
    pending = _under_way(pulumi)
    removed = not pulumi.stack.local and recover_clouds(pulumi, run.since, pending)
    return repair(pulumi, killed=True, pending=pending) or removed


def _under_way(pulumi: PulumiCli) -> list[Any]:
    """What a killed run was about in clouds; noted before each refresh of a single thing.

    That forgets what was being changed or deleted (pulumi v3.255, pkg/backend/journal.go: only what was being made is
    carried on).
    """
    return [] if pulumi.stack.local else pulumi.state().get("pending_operations") or []


def _refuse_nobody(stack: Stack, verb: str, *, yes: bool) -> None:
    """Dev asks nothing; elsewhere a person at a terminal sees the preview and decides, and a script says --yes."""
    if stack.environment != "dev" and not yes and not consent.somebody():
        raise ToolError(
            f"stack {stack.name}: nobody is here to look at the preview\n  fix: {both(verb, stack.name, '--yes')}"
        )


def _leftovers(pulumi: PulumiCli) -> list[dict[str, str]]:
    """Dev leaves nothing behind; elsewhere what is left is named, and returned."""
    return [kept for where in pulumi.daemons() for kept in _left_on(pulumi.stack, where)]


def _left_on(stack: Stack, where: Mapping[str, str]) -> list[dict[str, str]]:
    left = daemon.objects(stack.name, where)
    volumes = {item.name for item in left if item.kind == "volume"}
    left = [*daemon.carriers(volumes, where), *left]
    if stack.environment != "dev":
        for item in left:
            say(f"    kept: {item.kind} {item.name}")
        return [{"kind": item.kind, "name": item.name} for item in left]
    for item in left:
        say(f"    removing {item.kind} {item.name}, which the state did not know")
        daemon.remove(item, where)
    return []
