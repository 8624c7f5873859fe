"""n8n's workflows as files of a Git repository, one a workflow, and back.

A file holds what a workflow is. It holds no state of its runs and no sample data (both may hold what others sent,
tokens among it), no times and no version numbers (a restore would change them all), and of a credential its id and its
name. What somebody wrote into a parameter of a node is part of the workflow, secrets as well: they belong into
credentials.
"""

from __future__ import annotations

import json
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from host_scripts.common import FAILED, GIT, N8N, BackupError, Settings, run, tail, write
from host_scripts.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "n8n-workflows"
SUFFIX: Final = ".json"
_KEPT: Final = (
    "id",
    "name",
    "description",
    "active",
    "isArchived",
    "nodes",
    "connections",
    "nodeGroups",
    "settings",
    "meta",
)
_VERSION: Final = ("nodes", "connections", "nodeGroups")
"""What a version of a workflow has of its own."""
_LARGEST: Final = 256 * 1024 * 1024
_LONGEST_NAME: Final = 200
# n8n's command fails, and says this, where there is no workflow at all (n8n 2.38 dist/commands/export/workflow.js).
_NONE: Final = b"No workflows found"
# n8n writes its log on standard output too, so the file goes another way. A run that was killed leaves its folder.
_EXPORT: Final = """
d=${TMPDIR:-/tmp}/homeport-workflows; rm -rf "$d"; mkdir -m 700 "$d"; trap 'rm -rf "$d"' EXIT
timeout "$1" n8n export:workflow --all $2 --output="$d/all" >&2 && cat "$d/all"
"""
# Ids are arguments, so none of them is read as an option or by the shell.
_IMPORT: Final = """
d=${TMPDIR:-/tmp}/homeport-workflows; rm -rf "$d"; mkdir -m 700 "$d"; trap 'rm -rf "$d"' EXIT
cat >"$d/all" && timeout "$1" n8n import:workflow --input="$d/all" >&2
"""
_PUBLISH: Final = 'timeout "$1" n8n publish:workflow --id="$2" --versionId="$3" >&2'


def backup(settings: Settings) -> dict[str, Any]:
    """Exports all workflows, commits what changed, pushes.

    Raises:
        BackupError: n8n or Git failed; nothing of the repository is touched before n8n has answered.
    """
    documents = files(exported(settings))
    try:
        repository = _repository(settings)
        made_checkout(settings.checkout)
        repository.ready()
        lay(settings.checkout / FOLDER, documents)
        saved = repository.save(FOLDER, sorted(documents), SUFFIX)
    except OSError as error:
        what = f"{error.filename or settings.checkout}: {error.strerror}"
        raise BackupError(what, f"df -h {settings.checkout}; ls -ld {settings.checkout}", GIT) from error
    except BackupError as error:
        error.partly["workflows"] = len(documents)
        raise
    return {"workflows": len(documents), "changed": saved.commit is not None, **vars(saved)}


def restore(settings: Settings, revision: str, *, replace: bool) -> dict[str, Any]:
    """Brings the workflows of a commit into n8n, with their ids, and publishes those that were.

    Workflows that n8n has as they are in the commit stay as they are; those that it has besides stay too.

    Args:
        settings: The settings.
        revision: Of the repository; empty: the newest that holds workflows, here or at the remote.
        replace: Whether a workflow that looks different in n8n is overwritten.

    Raises:
        BackupError: n8n or Git failed, or a workflow would be overwritten unasked.
    """
    made_checkout(settings.checkout)
    repository = _repository(settings)
    repository.ready()
    wanted = {}
    for name, content in repository.files(FOLDER, revision).items():
        if name.endswith(SUFFIX):
            workflow = _read(content, f"{revision or 'HEAD'}:{FOLDER}/{name}", name)
            wanted[workflow["id"]] = workflow
    if not wanted:
        raise BackupError(
            f"{revision or 'HEAD'} holds no workflows", f"git -C {settings.checkout} log -- {FOLDER}", GIT
        )
    there = {workflow["id"]: workflow for workflow in _cleaned(exported(settings))}
    todo = {key: workflow for key, workflow in wanted.items() if there.get(key) != workflow}
    if (overwritten := sorted(key for key in todo if key in there)) and not replace:
        what = f"n8n has {len(overwritten)} of these workflows, and they look different: {', '.join(overwritten)[:200]}"
        raise BackupError(what, "./backup.sh restore workflows --replace overwrites them", FAILED)
    if todo:
        _bring(settings, todo)
        after = {workflow["id"]: workflow for workflow in _cleaned(exported(settings))}
        if wrong := sorted(key for key in todo if after.get(key) != todo[key]):
            what = f"after the import n8n has {', '.join(wrong)[:200]} not as in {revision or 'HEAD'}"
            raise BackupError(what, f"docker logs --tail 50 {settings.n8n}", N8N)
        if any(workflow["active"] for workflow in todo.values()):
            # Its own word on the matter: a publication by command takes effect once n8n starts again.
            _docker(settings, "restart", settings.n8n)
    return {"workflows": len(wanted), "imported": len(todo), "active": sum(one["active"] for one in wanted.values())}


def _repository(settings: Settings) -> Repository:
    where = settings.checkout, settings.repository
    return Repository(*where, settings.token_file, settings.user, settings.git_seconds)


def exported(settings: Settings) -> list[dict[str, Any]]:
    """All workflows as n8n exports them; of one whose published version is another than its newest, that one too.

    Raises:
        BackupError: n8n does not answer, or not with workflows.
    """
    workflows = _export(settings, "")
    if any(flow.get("active") and flow.get("activeVersionId") != flow.get("versionId") for flow in workflows):
        published = {flow["id"]: flow for flow in _export(settings, "--published")}
        for flow in workflows:
            version = published.get(flow["id"])
            if version and version.get("versionId") != flow.get("versionId"):
                flow["published"] = {key: version.get(key) for key in _VERSION}
    return workflows


def files(workflows: list[dict[str, Any]]) -> dict[str, bytes]:
    """The content of each file by its name, which is the workflow's id: a name may hold anything, and changes."""
    documents = {}
    for workflow in _cleaned(workflows):
        name = urllib.parse.quote(workflow["id"].encode(errors="replace"), safe="").replace(".", "%2E")
        if not name or len(name) > _LONGEST_NAME or not workflow["id"].isprintable():
            raise BackupError(f"n8n: {workflow['id']!r:.80} is no id", "look at the workflow in n8n", N8N)
        try:
            text = json.dumps(workflow, indent=2, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:  # half of a pair of UTF-16
            text = json.dumps(workflow, indent=2, allow_nan=False).encode()
        documents[f"{name}{SUFFIX}"] = text + b"\n"
    return documents


def lay(folder: Path, documents: dict[str, bytes]) -> None:
    """Makes a folder hold these files, each there whole, and no other of their kind."""
    if folder.is_symlink():
        raise BackupError(f"{folder} is a link", f"rm {folder}", GIT)
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        if (file.suffix == SUFFIX and file.name not in documents) or file.name.startswith("."):
            file.unlink()
    for name, content in documents.items():
        path = folder / name
        if path.is_symlink() or not path.exists() or path.read_bytes() != content:
            write(path, content, 0o644)


def made_checkout(folder: Path) -> None:
    """The repository's folder, readable by others as checkouts are."""
    folder.mkdir(parents=True, exist_ok=True)


def _cleaned(workflows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    cleaned = []
    for workflow in workflows:
        kept: dict[str, Any] = {key: workflow[key] for key in _KEPT if key in workflow}
        kept["active"] = bool(workflow.get("active"))
        kept["nodes"] = _nodes(workflow["nodes"])
        kept["tags"] = [{"id": tag["id"], "name": tag["name"]} for tag in workflow.get("tags") or ()]
        if published := workflow.get("published"):
            kept["published"] = {key: published.get(key) for key in _VERSION} | {"nodes": _nodes(published["nodes"])}
        cleaned.append(kept)
    return cleaned


def _nodes(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {key: _references(value) if key == "credentials" else value for key, value in node.items()} for node in nodes
    ]


def _references(credentials: Any) -> Any:
    """Which credentials a node uses; anything else in their place is not kept."""
    if not isinstance(credentials, dict):
        return {}
    named = {kind: value for kind, value in credentials.items() if isinstance(value, dict)}
    return {kind: {key: value[key] for key in ("id", "name") if key in value} for kind, value in named.items()}


def _export(settings: Settings, flag: str) -> list[dict[str, Any]]:
    script = ["sh", "-ec", _EXPORT, "sh", str(settings.n8n_seconds), flag]
    done = run(["docker", "exec", settings.n8n, *script], seconds=settings.n8n_seconds + 10)
    if done.returncode and _NONE in done.stderr:
        return []
    if done.returncode:
        raise BackupError(f"{settings.n8n}: {tail(done.stderr)}", f"docker logs --tail 50 {settings.n8n}", N8N)
    if len(done.stdout) > _LARGEST:
        raise BackupError(f"{settings.n8n}: its workflows have more than 256 MB", "keep less data in workflows", N8N)
    workflows = _parsed(done.stdout, settings.n8n)
    if not isinstance(workflows, list):
        raise BackupError(f"{settings.n8n}: its export is no list", f"docker logs --tail 50 {settings.n8n}", N8N)
    return workflows


def _parsed(content: bytes, where: str) -> Any:
    """A workflow or a list of them."""
    try:
        document = json.loads(content)
        known = all(map(_is_workflow, document if isinstance(document, list) else [document]))
    except (ValueError, RecursionError):
        known = False
    if not known:
        raise BackupError(f"{where}: what it says is no workflow", "try again once n8n is healthy", N8N)
    return document


def _read(content: bytes, where: str, name: str) -> dict[str, Any]:
    """The workflow of a file in Git, which has the name of its id."""
    try:
        (flow,) = _cleaned([_parsed(content, where)])
        known = name in files([flow])
    except (AttributeError, KeyError, TypeError, BackupError):
        known = False
    if not known:
        what = f"{where}: it is not what a backup has written"
        raise BackupError(what, "./backup.sh restore workflows --revision COMMIT takes an earlier one", GIT)
    return flow


def _is_workflow(flow: Any) -> bool:
    return (
        isinstance(flow, dict)
        and all(isinstance(flow.get(key), str) for key in ("id", "name"))
        and isinstance(flow.get("nodes"), list)
        and all(isinstance(node, dict) for node in flow["nodes"])
    )


def _bring(settings: Settings, workflows: dict[str, dict[str, Any]]) -> None:
    """Imports workflows and publishes those that are active, each in the version that was published."""
    older = [{**flow, **flow["published"]} for flow in workflows.values() if "published" in flow]
    versions: dict[str, str] = {}
    for batch in (older, list(workflows.values())):
        if batch:
            plain = [{key: value for key, value in flow.items() if key != "published"} for flow in batch]
            _import(settings, plain)
            now = {flow["id"]: flow.get("versionId", "") for flow in _export(settings, "")}
            versions = {flow["id"]: now.get(flow["id"], "") for flow in batch} | versions
    for key, flow in workflows.items():
        if flow["active"]:
            script = ["sh", "-ec", _PUBLISH, "sh", str(settings.n8n_seconds), key, versions[key]]
            _docker(settings, "exec", settings.n8n, *script)


def _import(settings: Settings, workflows: list[dict[str, Any]]) -> None:
    script = ["sh", "-ec", _IMPORT, "sh", str(settings.n8n_seconds)]
    _docker(settings, "exec", "-i", settings.n8n, *script, text=json.dumps(workflows).encode())


def _docker(settings: Settings, *words: str, text: bytes = b"") -> None:
    done = run(["docker", *words], seconds=settings.n8n_seconds + 60, text=text)
    if done.returncode:
        raise BackupError(f"{settings.n8n}: {tail(done.stderr)}", f"docker logs --tail 50 {settings.n8n}", N8N)
