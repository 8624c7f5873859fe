"""`pulumi` of the rehearsal's PATH: keeps a committed stack file as it was committed, then becomes the real engine.

The engine writes the salt of a passphrase stack into `Pulumi.<stack>.yaml` on every preview and up, even when it took
the salt from the state a moment before (SecretsManagerShouldSave in pulumi's cmd/pulumi/stack/secrets.go), which would
leave the checkout dirty. So a command that only reads the stack file gets `--config-file` with a copy that holds the
salt; `stack history`, which has no such flag, runs beside the copy. Commands that write settings (`config set`,
`up --config`) get the real file, a file with a salt or secrets provider of its own is never copied, and neither is
anything when the command line leaves a doubt. Nothing of the package is imported: this runs before each pulumi command.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

VERBS = {"config": frozenset({"", "get"}), "stack": frozenset({"history", "hist"})}
"""Commands of which only some verbs read alone."""
READS = frozenset(
    ["preview", "pre", "up", "update", "refresh", "destroy", "down", "dn", "import", "watch", "logs"]
).union(VERBS)
HIDDEN_OPTIONS = ("PULUMI_OPTION_CONFIG_FILE", "PULUMI_OPTION_CONFIG", "PULUMI_OPTION_CWD")
"""Variables that stand for flags (declareFlagsAsEnvironmentVariables in pulumi's cmd/pulumi/pulumi.go)."""
CLUSTER = re.compile(r"^-[^-sCcv]\w*s")
"""Short flags in one word, among them perhaps -s: not worth a guess at which stack is meant."""
VALUED = frozenset(
    ["-C", "--cwd", "--color", "-v", "--verbose", "--tracing", "--profiling", "--memprofilerate", "-s", "--stack"]
)
"""Flags before the command whose value is the next word."""
OWN_SECRETS = re.compile(rb"^[\"']?(?:encryptionsalt|secretsprovider|encryptedkey)[\"']?\s*:", re.MULTILINE)
NO_ADDING = re.compile(rb"\A(?:\s|#.*|---)*\{|^\.\.\.|^[^#\s-][\s\S]*^---", re.MULTILINE)
"""Stack files to which no line can be added at the end: in flow style, or with more than one document."""
ELSEWHERE = re.compile(r"^(?:stackConfigDir|config:[ \t]+[^#\s])", re.MULTILINE)
"""Projects that keep their stack files in another folder."""


def words(argv: list[str]) -> list[str]:
    """The first two words of a command line that are no flags: the command and its verb, each may be absent."""
    named: list[str] = []
    skip = False
    for word in argv:
        if skip:
            skip = False
        elif word == "--" or len(named) == 2:  # noqa: PLR2004 command and verb
            break
        elif word.startswith("-"):
            skip = word in VALUED
        else:
            named.append(word)
    return named


def flag(argv: list[str], *names: str) -> str | None:
    """The last value that the command line gives to the flag with these names, or None."""
    value = None
    for at, word in enumerate(argv):
        if word == "--":
            break
        for name in names:
            if word == name and at + 1 < len(argv):
                value = argv[at + 1]
            elif word.startswith(f"{name}="):
                value = word[len(name) + 1 :]
            elif len(name) == 2 and word.startswith(name) and not word.startswith("--"):  # noqa: PLR2004 as in -sdev
                value = word[2:]
    return value


def wants_copy(argv: list[str], environ: Mapping[str, str]) -> bool:
    """Whether this command reads the stack file and would write nothing but the salt into it."""
    command, verb, *_ = [*words(argv), "", ""]
    if command not in READS or verb not in VERBS.get(command, {verb}):
        return False
    if flag(argv, "--config-file") is not None or any(name in environ for name in HIDDEN_OPTIONS):
        return False
    if any(CLUSTER.match(word) for word in argv):
        return False
    return command in VERBS or flag(argv, "-c", "--config") is None


def project_file(folder: Path) -> Path | None:
    """The nearest Pulumi.yaml at or above `folder`."""
    for place in (folder, *folder.parents):
        if (place / "Pulumi.yaml").is_file():
            return place / "Pulumi.yaml"
    return None


def project_name(project: Path) -> str | None:
    """The name that the project file gives."""
    match = re.search(r"^name:\s*[\"']?([\w.-]+)", project.read_text(), re.MULTILINE)
    return match[1] if match else None


def selected_stack(project: Path, name: str, environ: Mapping[str, str]) -> str | None:
    """The stack that `pulumi stack select` chose for this project."""
    import hashlib  # noqa: PLC0415 seldom needed, and every millisecond is the user's
    import json  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    home = Path(environ.get("PULUMI_HOME") or Path(pwd.getpwuid(os.getuid()).pw_dir, ".pulumi"))
    # The engine's own choice of name. A Python that keeps to FIPS 140 refuses SHA-1 for anything else.
    digest = hashlib.sha1(str(project).encode(), usedforsecurity=False).hexdigest()
    try:
        chosen = json.loads((home / "workspaces" / f"{name}-{digest}-workspace.json").read_text())["stack"]
    except (OSError, ValueError, KeyError):
        return None
    return str(chosen)


def salt_of(state: str, project: str, stack: str) -> str | None:
    """The salt that a stack's state holds, when the backend is a folder; None when there is none or no such stack."""
    import json  # noqa: PLC0415
    from urllib.parse import unquote  # noqa: PLC0415

    if not state.startswith("file://"):
        return None
    folder = Path(unquote(state.removeprefix("file://"))).expanduser() / ".pulumi" / "stacks" / project
    try:
        provider = json.loads((folder / f"{stack}.json").read_text())["checkpoint"]["latest"]["secrets_providers"]
        return str(provider["state"]["salt"]) if provider["type"] == "passphrase" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def adapted(argv: list[str], environ: Mapping[str, str], copies: Path) -> list[str]:
    """The command line with the copy of the stack file in it, or unchanged when the command needs the file itself."""
    project = project_file(Path(flag(argv, "-C", "--cwd") or ".").absolute())
    name = project_name(project) if project and wants_copy(argv, environ) else None
    if project is None or name is None or ELSEWHERE.search(project.read_text()):
        return argv
    stack = flag(argv, "-s", "--stack") or environ.get("PULUMI_OPTION_STACK") or environ.get("PULUMI_STACK")
    stack = stack or selected_stack(project, name, environ)
    *owner, short = (stack or "").split("/")
    if not short or owner[1:] not in ([], [name]):
        return argv
    settings = project.with_name(f"Pulumi.{short}.yaml")
    text = settings.read_bytes() if settings.is_file() else b""
    salt = salt_of(environ.get("PULUMI_BACKEND_URL", ""), name, short)
    if salt is None or OWN_SECRETS.search(text) or NO_ADDING.search(text):
        return argv
    copies.mkdir(parents=True, exist_ok=True, mode=0o700)
    # At the end, so that the lines which the engine's messages name are the committed file's.
    copy = replace_file(copies / settings.name, b"%s\nencryptionsalt: %s\n" % (text, salt.encode()))
    added = [f"--config-file={copy}"]
    if words(argv)[0] == "stack":
        replace_file(copies / project.name, project.read_bytes())
        added = [f"--cwd={copies}", f"--stack={stack}"]
    at = argv.index("--") if "--" in argv else len(argv)
    return [*argv[:at], *added, *argv[at:]]


def replace_file(path: Path, text: bytes) -> Path:
    """Writes the file in one step, so that a command which runs at the same time reads a whole one."""
    draft = path.with_name(f".{os.getpid()}.{path.name}")
    draft.write_bytes(text)
    return draft.replace(path)


def real_engine(own: Path, environ: Mapping[str, str]) -> str | None:
    """The next `pulumi` on PATH after the launcher's own folder."""
    for folder in environ.get("PATH", "").split(os.pathsep):
        candidate = Path(folder) / "pulumi"
        if folder and folder != str(own) and os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate)
    return None


def main(own: str, copies: str, argv: list[str]) -> None:
    """Becomes the engine: same process, so signals, exit code and terminal are its own."""
    engine = real_engine(Path(own), os.environ)
    if engine is None:
        sys.exit("homeport: the Pulumi engine is gone\n  fix: python -m toolchain.engine ensure")
    os.execv(engine, [engine, *adapted(argv, os.environ, Path(copies))])  # noqa: S606 the point of a launcher


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
