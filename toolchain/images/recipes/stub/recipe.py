"""Stubs: images whose software no package registry has. They answer on one port, on the paths of a health check.

A stub does nothing of what its name promises; its label says so, and a test that needs the software must refuse it.
It keeps the image's contract: where the software starts, which folders it writes to, which variables and files it must
have; where the software would not start, neither does the stub. One of them also holds a program that is taken out of
the image and run on a host: cloudflared, in whose place the emulated edge's own connector stands.

The contract of a service of the catalog is `catalog/<service>/stub.json`, read by path; `stubs.json` beside this file
has the others.
"""

import json
import os
import shlex
from functools import partial
from pathlib import Path
from typing import NotRequired, TypedDict

from toolchain.cloudflared.pack import SOURCES, pack
from toolchain.images import store
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_FOLDER = Path(__file__).parent
_CATALOG = _FOLDER.parents[3] / "catalog"
_WORDS = "stub: this is not the software, only an answer in its place\n"


class Stub(TypedDict):
    """The contract of one image.

    Attributes:
        repository: Its name, without a tag.
        image: Its name with the tag, where nothing is said of others.
        software: What it stands in for.
        port: The port that it serves.
        paths: The paths that answer 200.
        answers: Path to what it answers, where somebody reads that.
        source: Where the contract was read.
        entrypoint: The program that the image starts.
        writable: Folders that the software writes to: without them it does not start.
        variables: Environment variables that it must have, each with a regular expression for the whole value.
        file_options: Options whose value is a file that it must be able to read.
        probes: Programs of the image that ask for its health: they succeed where the first path answers.
        connector: Where the emulated edge's connector is put.
        ports: Further ports that it serves.
        programs: Programs that start it, besides its entry point.
        jobs: Programs of the image that do their work and end.
        file_variables: Environment variables that name a file, perhaps behind an ``@``, which must be there and not
            empty.
        probe_words: A first argument with which its programs ask for its health rather than start it.
        runners: Programs of the image that run what stands behind their ``--``.
    """

    repository: str
    image: NotRequired[str]
    software: str
    port: int
    paths: list[str]
    answers: NotRequired[dict[str, str]]
    source: NotRequired[str]
    entrypoint: NotRequired[str]
    writable: NotRequired[list[str]]
    variables: NotRequired[dict[str, str]]
    file_options: NotRequired[list[str]]
    probes: NotRequired[list[str]]
    connector: NotRequired[str]
    ports: NotRequired[list[int]]
    programs: NotRequired[list[str]]
    jobs: NotRequired[list[str]]
    file_variables: NotRequired[list[str]]
    probe_words: NotRequired[list[str]]
    runners: NotRequired[list[str]]


def start_script(stub: Stub) -> str:
    """The program that refuses to start where the software would, and else serves the paths, whatever its arguments."""
    lines = [
        "#!/bin/sh",
        f'refuse() {{ echo "stub of {stub["software"]}: $1" >&2; exit 1; }}',
        *(f'[ "${{1-}}" != {shlex.quote(word)} ] || {_ask(stub)}' for word in stub.get("probe_words", ())),
        *(f"[ -w {shlex.quote(path)} ] || refuse 'cannot write to {path}'" for path in stub.get("writable", ())),
        *(
            f"printf '%s' \"${{{name}-}}\" | busybox grep -Eqx -e {shlex.quote(pattern)} "
            f"|| refuse 'variable {name} is missing or has another form'"
            for name, pattern in stub.get("variables", {}).items()
        ),
        *(
            f'file=${{{name}-}}; [ -s "${{file#@}}" ] && [ -r "${{file#@}}" ] '
            f"|| refuse 'variable {name} names no file that can be read'"
            for name in stub.get("file_variables", ())
        ),
        "option=",
        'for word in "$@"; do',
        '  [ -z "$option" ] || [ -r "$word" ] || refuse "cannot read $word of $option"',
        "  option=",
        '  case "$word" in',
        *(
            line
            for option in stub.get("file_options", ())
            for line in (
                f"    {option}) option=$word ;;",
                f'    {option}=*) [ -r "${{word#*=}}" ] || refuse "cannot read ${{word#*=}} of {option}" ;;',
            )
        ),
        "    *) ;;",
        "  esac",
        "done",
        '[ -z "$option" ] || refuse "$option names no file"',
        # As a container it is the edge's connector; what is taken out of the image runs on a host.
        *([f'case " $* " in *" tunnel "*) exec {stub["connector"]} "$@" ;; esac'] if "connector" in stub else ()),
        *(f"busybox httpd -p {port} -h /srv/stub" for port in stub.get("ports", ())),
        f"exec busybox httpd -f -p {stub['port']} -h /srv/stub" if stub["port"] else "exec sleep infinity",
    ]
    return "".join(f"{line}\n" for line in lines)


def assemble(stub: Stub, kit: Kit) -> str:
    """Lay out one file per path, the image's entry point, and the probes."""
    web = kit.root / "srv/stub"
    for path in stub["paths"]:
        page = web / f"{path}index.html".lstrip("/") if path.endswith("/") else web / path.lstrip("/")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(stub.get("answers", {}).get(path, _WORDS), encoding="utf-8")
    _program(kit.root / "stub", start_script(stub))
    if "entrypoint" in stub:
        _program(kit.root / stub["entrypoint"].lstrip("/"), '#!/bin/sh\nexec /stub "$@"\n')
    for program in stub.get("programs", ()):
        _program(kit.root / program.lstrip("/"), '#!/bin/sh\nexec /stub "$@"\n')
    for probe in stub.get("probes", ()):
        _program(kit.root / probe.lstrip("/"), f"#!/bin/sh\n{_ask(stub)}\n")
    for runner in stub.get("runners", ()):
        _program(kit.root / runner.lstrip("/"), '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    for job in stub.get("jobs", ()):
        _program(kit.root / job.lstrip("/"), "#!/bin/sh\necho 'stub: nothing was done' >&2\n")
    if "connector" in stub:
        apt.unpack(kit, apt.fetch(kit, "python3.11", "python3-yaml"), kit.root)
        interpreter = kit.root / "usr/bin/python3"
        if not interpreter.is_symlink():
            interpreter.symlink_to("python3.11")
        pack(kit.root / stub["connector"].lstrip("/"))
    return ""


def _ask(stub: Stub) -> str:
    return f"exec busybox wget -q -O /dev/null http://127.0.0.1:{stub['port']}{stub['paths'][0]}"


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def contracts() -> dict[str, tuple[Path, Stub]]:
    """Repository to the file that has its contract, and the contract."""
    own = _FOLDER / "stubs.json"
    stubs = [(own, stub) for stub in json.loads(own.read_text(encoding="utf-8"))]
    stubs += [(path, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(_CATALOG.glob("*/stub.json"))]
    return {stub["repository"]: (path, stub) for path, stub in stubs}


def _held(stub: Stub) -> str:
    return f"its port {stub['port']} and health check" if stub["port"] else "its start"


def handed() -> dict[str, tuple[Path, Stub]]:
    """Image to the same, of those that a stack names and the catalog does not: what was said of them last.

    By the whole name: of other tags of the same repository nothing was said, and they may be had as they are.
    """
    files = sorted(store.folder("image-contracts").glob("*.json"))
    stubs: list[tuple[Path, Stub]] = [(path, json.loads(path.read_text(encoding="utf-8"))) for path in files]
    return {stub["image"]: (path, stub) for path, stub in stubs}


def hand(text: str) -> None:
    """Keep the contract of an image that the catalog does not know, as JSON: from now on a stub can stand in for it."""
    stub: Stub = json.loads(text)
    path = store.folder("image-contracts") / f"{store.slug(stub['image'])}.json"
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(stub, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    draft.rename(path)


def recipe_for(image: str) -> Recipe | None:
    """The stub for an image of any tag, when its repository has a contract of the catalog's, or it has one itself."""
    plain = image.partition("@")[0]
    contract = contracts().get(plain.rpartition(":")[0]) or handed().get(plain)
    if contract is None:
        return None
    path, stub = contract
    also = "; and the emulated edge's connector" if "connector" in stub else ""
    return Recipe(
        image=image,
        software=f"{stub['software']}, {_held(stub)} only{also}",
        source="none",
        assemble=partial(assemble, stub),
        folder=_FOLDER,
        sources=(path, *(SOURCES if "connector" in stub else ())),
        kind="stub",
    )
