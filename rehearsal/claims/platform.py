"""Claims that only vps-infrastructure has: what its description prints, typed on its host and from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.probes.box import run
from rehearsal.probes.errors import ProbeError

if TYPE_CHECKING:
    from rehearsal.claims.view import View

CLOSED = (3000, 5000, 5432, 5678, 6543, 8000, 8080, 9000)
"""Ports of services, none of which answers to the internet."""
HEALTH = {
    "http://127.0.0.1:8080/health": 200,
    "http://127.0.0.1:3000/api/platform/profile": 200,
}
ASKED = {
    "ai-dev": ("/llm/mcp/", 401),
    "airflow": ("/api/v2/dags", 401),
    "dtc": ("/", 200),
    "n8n": ("/api/v1/workflows", 401),
    "registry": ("/v2/", 401),
    "supabase": ("/rest/v1/", 401),
}
"""Route to a path of it, and the answer to a stranger there: whoever has no key or login gets nothing but the site."""
ISOLATED = {"registry": "registry_default", "dtc-frontend-app": "dtc_default"}
_FOREIGN = {"supabase-db": 5432, "supabase-kong": 8000, "ai-dev-server": 8080, "registry": 5000}
"""Containers that no page is to reach, each with a port that answers to whoever is on its network."""
_METADATA, _SITE = "169.254.169.254", 8098
"""Where a cloud answers with user data, and the port of a site outside."""
_REFUSED = "net::ERR_CONNECTION_REFUSED"
_PAGE = Path(__file__).with_name("page.cjs")
_DROPPED = {"no answer", "net::ERR_CONNECTION_TIMED_OUT", "net::ERR_NAME_NOT_RESOLVED", "net::ERR_ADDRESS_UNREACHABLE"}
USER, FOLDER = "deploy", "/home/deploy/platform"
IN_FOLDER = (
    *(".git", ".github", ".gitignore", "README.md", "ai-dev-server", "backup-n8n-workflows.sh", "deploy.sh"),
    *("docker-compose", "github-runner", "host-agent", "host-scripts"),
)
_NAMES = (
    *("ai-dev-server", "airflow", "airflow-db", "browserless-chromium", "caddy", "dbt", "dtc-frontend-app", "n8n"),
    *("realtime-dev.supabase-realtime", "registry", "supabase-analytics", "supabase-auth", "supabase-db"),
    *("supabase-edge-functions", "supabase-imgproxy", "supabase-kong", "supabase-meta", "supabase-pooler"),
    *("supabase-rest", "supabase-storage", "supabase-studio", "supabase-vector"),
)


def _answered(view: View, *argv: str) -> str:
    """What a command prints; how it failed where it did."""
    try:
        return view.run(*argv).strip()
    except ProbeError as error:
        return f"failed: {error}"


def open_ports(view: View) -> list[int]:
    """TCP ports that a full scan from outside found open on the host's public addresses."""
    return sorted({port for scan in view.outside() for port in scan["open"]})


def health(view: View) -> dict[str, int]:
    """How the health endpoints answer to somebody on the host."""
    curl = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "20")
    return {url: int(view.run("sh", "-c", '"$@" || true', "sh", *curl, url)) for url in HEALTH}


def public_health(view: View) -> dict[str, int]:
    """The same by the public names."""
    return {name: view.visit(hostname, "/health")["status"] for name, hostname in view.hostnames.items()}


def strangers(view: View) -> dict[str, int]:
    """What a stranger is answered at each public name."""
    return {
        name: view.visit(view.hostnames[name], path)["status"]
        for name, (path, _) in ASKED.items()
        if name in view.hostnames
    }


def inside(view: View) -> dict[str, str]:
    """The description's checks between containers, as they are printed there."""
    return {
        "n8n": _answered(view, "docker", "exec", "ai-dev-server", "curl", "-sS", "http://n8n:5678/healthz"),
        "dump": _answered(view, "sh", "-c", "docker exec supabase-db pg_dump -U postgres postgres | grep -c CREATE"),
        "backup": _answered(view, "sh", "-c", "docker exec supabase-db pg_dump -U postgres n8n | grep -c workflow_"),
    }


def containers(view: View) -> dict[str, Any]:
    """Names of all containers, and who is on a network with whom it shares nothing."""
    there = view.containers()
    names = sorted(container["Name"].lstrip("/") for container in there.values())
    networks = {name: sorted(there[name]["NetworkSettings"]["Networks"]) for name in ISOLATED}
    known = (*_NAMES, *(name for name in view.expected.services if name not in _NAMES))
    return {"missing": sorted(set(known) - set(names)), "networks": networks}


def folder(view: View) -> dict[str, Any]:
    """The configuration's folder, as its owner sees it."""

    def owner(line: str) -> str:
        return _answered(view, "runuser", "-l", USER, "-c", line)

    compose = f"for each in {FOLDER}/docker-compose/*/; do (cd $each && {{}} config -q) || echo $each; done"
    return {
        "owner": view.run("stat", "-c", "%U", FOLDER).strip(),
        "missing": [name for name in IN_FOLDER if name not in view.run("ls", "-A", FOLDER).split()],
        "folders": sorted(view.run("ls", f"{FOLDER}/docker-compose").split()),
        "commits": owner(f"cd {FOLDER} && git log --oneline | head -1 | wc -l"),
        "uncommitted": owner(f"cd {FOLDER} && git status --porcelain"),
        "docker-compose": owner(compose.format("docker-compose")),
        "docker compose": owner(compose.format("docker compose")),
        "project": owner(f"cd {FOLDER}/docker-compose/n8n && docker-compose ps -q | wc -l"),
    }


def secrets_in_git(view: View) -> list[str]:
    """Names of the stack's secrets that are somewhere in the repository's history."""
    text = view.run("sh", "-c", f"cd {FOLDER} && git -c safe.directory=* log -p --all | cat", seconds=300)
    return sorted(name for name, value in view.secrets.items() if value and value in text)


def pages(view: View) -> dict[str, str]:
    """What came of a page of the browser that went to each address; `outside` is a site that is not on the host."""
    there = view.containers()
    sink = view.peer.sink(_SITE)
    outside = f"http://{view.peer.address()}:{_SITE}/"
    foreign = [
        (at, port) for name, port in _FOREIGN.items() if name in there for at in (name, *_addresses(there[name]))
    ]
    places = [
        *foreign,
        (_METADATA, 80),
        *((at, 9000) for at in _hosts(view)),
        *(("127.0.0.1", port) for port in (5432, 5678)),
    ]
    try:
        script = _PAGE.read_text(encoding="utf-8")
        asks = ("docker", "exec", "browserless-chromium", "node", "-e", script)
        addresses = [f"http://{at}:{port}/" for at, port in places]
        seen: dict[str, str] = json.loads(view.run(*asks, outside, *addresses))
    finally:
        sink.stop()
    return {"outside" if address == outside else address: why for address, why in seen.items()}


def callers(view: View) -> list[str]:
    """The containers that HostAgent's port takes a connection from, at any address of the host."""
    targets = [(at, 9000) for at in _hosts(view)]
    reached = []
    for name, container in view.containers().items():
        if not view.expected.services[name].listens:
            enter = ["nsenter", "--target", str(container["State"]["Pid"]), "--net"]
            if run([*view.host, *enter], "reach", {"targets": targets})[0]["reached"]:
                reached.append(name)
    return sorted(reached)


def _hosts(view: View) -> list[str]:
    """The host's own addresses, those on Docker's bridges too."""
    lines = view.run("ip", "-4", "-o", "address", "show", "scope", "global").splitlines()
    return sorted({line.split()[3].partition("/")[0] for line in lines})


def _addresses(container: dict[str, Any]) -> list[str]:
    return [each["IPAddress"] for each in container["NetworkSettings"]["Networks"].values() if each.get("IPAddress")]


def _folders(view: View) -> list[str]:
    groups = {"airflow-db": "airflow", "realtime-dev.supabase-realtime": "supabase"}
    return sorted(
        {groups.get(name, "supabase" if name.startswith("supabase-") else name) for name in view.expected.services}
    )


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="ports-of-services-closed",
        rows=("S1-07",),
        says="ports 3000, 5000, 5432, 5678, 6543, 8000, 8080 and 9000 of the public address answer nobody",
        observe=open_ports,
        value=lambda ports: sorted(set(ports) & set(CLOSED)),
        expected=lambda _: [],
        spoil=lambda ports: [*ports, 8080],
    ),
    Claim(
        name="health-endpoints",
        rows=("S1-20",),
        says="the health endpoints of the AI Dev Server and of Studio answer on the host's loopback address",
        needs=frozenset({"service ai-dev-server", "service supabase-studio"}),
        observe=health,
        expected=lambda _: HEALTH,
        spoil=lambda seen: {**seen, min(seen): 0},
    ),
    Claim(
        name="public-health",
        rows=("S1-37",),
        says="/health of every public name answers 200, to whoever asks",
        observe=lambda view: {name: code for name, code in public_health(view).items() if name in ASKED},
        expected=lambda view: {name: 200 for name in view.hostnames if name in ASKED},
        spoil=lambda seen: {**seen, min(seen): 502},
    ),
    Claim(
        name="strangers-get-nothing",
        rows=("S1-38",),
        says="every public name but the public site asks a stranger for a token, a key or a login",
        observe=strangers,
        expected=lambda view: {name: code for name, (_, code) in ASKED.items() if name in view.hostnames},
        spoil=lambda seen: {**seen, "registry": 200},
    ),
    Claim(
        name="checks-between-containers",
        rows=("S1-12", "S1-19"),
        says="the AI Dev Server finds n8n by name, and a container's own pg_dump reads each database",
        needs=frozenset({"service ai-dev-server", "service supabase-db", "service n8n"}),
        observe=inside,
        value=lambda seen: {
            "n8n": json.loads(seen["n8n"]).get("status") if seen["n8n"].startswith("{") else seen["n8n"],
            **{name: seen[name].isdigit() and int(seen[name]) > 0 for name in ("dump", "backup")},
        },
        expected=lambda _: {"n8n": "ok", "dump": True, "backup": True},
        spoil=lambda seen: {**seen, "n8n": "failed"},
    ),
    Claim(
        name="pages-of-the-browser",
        rows=("S1-11", "S1-23"),
        says="a page of the headless browser reaches a site outside, and neither Supabase, the metadata service, the"
        " host's port 9000 nor anybody's loopback address but its own",
        needs=frozenset({"service browserless-chromium", "service supabase-db"}),
        observe=pages,
        value=lambda seen: {
            "outside": seen["outside"],
            "reached": sorted(
                address
                for address, why in seen.items()
                if address != "outside" and why not in _DROPPED | ({_REFUSED} if "127.0.0.1" in address else set())
            ),
        },
        expected=lambda _: {"outside": "", "reached": []},
        spoil=lambda seen: {**seen, "http://supabase-db:5432/": "net::ERR_EMPTY_RESPONSE"},
    ),
    Claim(
        name="callers-of-host-agent",
        rows=("S1-08", "S1-48"),
        says="of all containers the AI Dev Server alone reaches port 9000 of the host",
        needs=frozenset({"service ai-dev-server"}),
        observe=callers,
        expected=lambda _: ["ai-dev-server"],
        spoil=lambda seen: [*seen, "n8n"],
    ),
    Claim(
        name="container-names",
        rows=("S1-14", "S1-15"),
        says="containers have the names that the description gives them, and who needs no other is by itself",
        observe=containers,
        expected=lambda _: {"missing": [], "networks": {name: [network] for name, network in ISOLATED.items()}},
        spoil=lambda seen: {**seen, "missing": ["n8n"]},
    ),
    Claim(
        name="folder-of-the-configuration",
        rows=("S1-02", "S1-03", "S1-68"),
        says="a user's folder holds the configuration as a Git repository, and compose reads it by both of its names",
        observe=folder,
        expected=lambda view: {
            "owner": USER,
            "missing": [],
            "folders": _folders(view),
            "commits": "1",
            "uncommitted": "",
            "docker-compose": "",
            "docker compose": "",
            "project": "1",
        },
        spoil=lambda seen: {**seen, "owner": "root"},
    ),
    Claim(
        name="no-secret-in-git",
        rows=("S1-45",),
        says="no secret of the stack is in the repository on the host, nor was it ever",
        observe=secrets_in_git,
        expected=lambda _: [],
        spoil=lambda _: ["jwt-secret"],
    ),
)
