"""Runs in the container of the readers, with nothing but Debian's own Python: a line of JSON in, a line out.

In: ``{"kind": …, "items": […]}``. Out: a list with ``{"value": …}`` or ``{"refused": "…"}`` for each item.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

WORK = Path("/tmp/readers")
ADMIN = "http://127.0.0.1:2019"


class RefusedError(Exception):
    """The program does not take it; the message is the program's."""


def run(*argv: str, text: str = "") -> str:
    done = subprocess.run(argv, input=text.encode(), capture_output=True, check=False)
    if done.returncode:
        raise RefusedError((done.stderr or done.stdout).decode(errors="replace").strip() or f"status {done.returncode}")
    return done.stdout.decode(errors="surrogateescape")


def fresh(name: str) -> Path:
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def sshd(text: str) -> dict[str, list[str]]:
    path = fresh("sshd") / "sshd_config"
    path.write_text(text)
    values: dict[str, list[str]] = {}
    for line in run("/usr/sbin/sshd", "-T", "-f", str(path)).splitlines():
        name, _, value = line.partition(" ")
        values.setdefault(name, []).append(value)
    return values


def iptables(text: str, family: str) -> list[str]:
    run("nft", "flush", "ruleset")
    run(f"{family}-restore", text=text)
    lines = run(f"{family}-save").splitlines()
    return [line for line in lines if not line.startswith("#")]


def nft(text: str) -> Any:
    run("nft", "-c", "-f", "-", text=text)
    run("nft", "flush", "ruleset")
    run("nft", "-f", "-", text=text)
    return json.loads(run("nft", "-j", "list", "ruleset"))["nftables"][1:]


def wireguard(text: str) -> dict[str, Any]:
    """What wg-quick makes of the file's interface, and what the device then says of itself."""
    path = fresh("wireguard") / "wg0.conf"
    path.write_text(text)
    path.chmod(0o600)
    # wg-quick's own parser, without what brings an interface up.
    source = re.split(r"\n# ~~ function override insertion point ~~", Path("/usr/bin/wg-quick").read_text())[0]
    names = "ADDRESSES DNS DNS_SEARCH PRE_UP POST_UP PRE_DOWN POST_DOWN MTU TABLE"
    lists = f'for name in {names}; do declare -n list=$name; printf "%s\\0" "=$name" "${{list[@]}}"; done'
    program = path.with_name("parse.sh")
    program.write_text(f'{source}\nparse_options "$1" >&2\n{lists}\nprintf "%s\\0" "=WG" "$WG_CONFIG"\n')
    parts = run("bash", str(program), str(path)).split("\0")[:-1]
    quick: dict[str, list[str]] = {}
    for part in parts:
        if part.startswith("="):
            quick[name := part[1:]] = []
        else:
            quick[name].append(part)
    stripped = path.with_name("stripped.conf")
    stripped.write_text("".join(quick.pop("WG")))
    run("wg", "setconf", "wg0", str(stripped))
    private, public, port, _ = run("wg", "show", "wg0", "dump").splitlines()[0].split("\t")
    peers = [line.split("\t") for line in run("wg", "show", "wg0", "dump").splitlines()[1:]]
    names = ("public", "psk", "endpoint", "allowed", "handshake", "received", "sent", "keepalive")
    return {
        "quick": {name: [one for one in values if one] for name, values in quick.items()},
        "private": private,
        "public": public,
        "port": port,
        "peers": [dict(zip(names, peer, strict=True)) for peer in peers],
    }


def units(items: list[dict[str, str]]) -> list[dict[str, Any]]:
    """All units in one process: each item maps names of units, and of drop-ins (``a.service.d/b.conf``), to texts."""
    folder, named, results = fresh("units"), [], []
    for number, item in enumerate(items):
        for name, text in item.items():
            path = folder / f"r{number}-{name}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            if path.parent == folder:
                named.append(path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, named)],
        capture_output=True,
        check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_TARGET": "console"},
    )
    shown = re.split(r"^\t?-> Unit (\S+):\n", done.stdout.decode(errors="surrogateescape"), flags=re.MULTILINE)
    properties = {}
    for name, text in zip(shown[1::2], shown[2::2], strict=True):
        values = properties.setdefault(name, {})
        for line in text.splitlines():
            key, _, value = line.strip().partition(": ")
            values.setdefault(key, []).append(value)
    # Debug lines of others aside: what systemd has to say of a unit names its file.
    told = [
        line
        for line in done.stderr.decode(errors="replace").splitlines()
        if f"{folder}/" in line or re.match(r"r\d+-", line)
    ]
    for number in range(len(items)):
        mine = [line for line in told if re.search(rf"(^|/)r{number}-", line)]
        wrong = [
            line
            for line in mine
            if re.search(r"ignoring|Failed|Unknown|Missing|lacks|bad|Invalid|Unbalanced", line, re.IGNORECASE)
        ]
        wrong = [
            line
            for line in wrong
            if not re.search(r"is not executable|Failed to (open|read|create|get|load|parse system call)\b", line)
        ]
        if wrong:
            results.append({"refused": "\n".join(wrong)})
        else:
            prefix = f"r{number}-"
            results.append(
                {"value": {n.removeprefix(prefix): v for n, v in properties.items() if n.startswith(prefix)}}
            )
    return results


def cloud_init(items: list[str]) -> list[dict[str, Any]]:
    from cloudinit import safeyaml
    from cloudinit.config import schema

    rules, results = schema.get_schema(), []
    for text in items:
        if text.split("\n")[0].rstrip() != "#cloud-config":
            results.append({"refused": "the first line is not #cloud-config: it would be taken for something else"})
            continue
        try:
            config = safeyaml.load(text)
            schema.validate_cloudconfig_schema(config, rules, strict=True, strict_metaschema=True)
            results.append({"value": config})
        except (ValueError, TypeError, schema.SchemaValidationError, safeyaml.YAMLError) as error:
            results.append({"refused": f"{type(error).__name__}: {error}"})
    return results


def fail2ban(text: str) -> dict[str, dict[str, str]]:
    from fail2ban.client.configparserinc import SafeConfigParserWithIncludes

    path = fresh("fail2ban") / "jail.local"
    path.write_text(text)
    parser = SafeConfigParserWithIncludes()
    try:
        parser.read([str(path)])
        return {section: dict(parser.items(section)) for section in parser.sections()}
    except Exception as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from error


def yaml(text: str) -> Any:
    from yaml import YAMLError, safe_load

    try:
        return safe_load(text)
    except YAMLError as error:
        raise RefusedError(str(error)) from error


def shell(item: dict[str, Any]) -> dict[str, str]:
    """The variables that a script sets before it says anything."""
    shown = "; ".join(f'printf "%s\\0" "${{{name}-unset}}"' for name in item["names"])
    values = run("sh", "-eu", "-c", f"{item['text']}\n{shown}").split("\0")[:-1]
    return dict(zip(item["names"], values, strict=True))


def caddy(item: dict[str, Any]) -> Any:
    """The Caddyfile as JSON; with ``validate``, each module of it is set up as well."""
    folder = WORK / "caddy"
    shutil.rmtree(folder / "guards", ignore_errors=True)
    for name, text in item["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    if item["validate"]:
        run("/usr/local/bin/caddy", "validate", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")
    body = item["files"]["Caddyfile"].encode()
    kind = {"Content-Type": "text/caddyfile"}
    request = urllib.request.Request(f"{ADMIN}/adapt", data=body, headers=kind)  # noqa: S310  # as below
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # ours, on the loopback address
            return json.load(answer)["result"]
    except urllib.error.HTTPError as error:
        raise RefusedError(error.read().decode(errors="replace")) from error


def start_wireguard() -> None:
    _background("wireguard-go", "-f", "wg0")
    _until(lambda: subprocess.run(["wg", "show", "wg0"], capture_output=True, check=False).returncode == 0)


def start_caddy() -> None:
    _background("/usr/local/bin/caddy", "run", folder=fresh("caddy"))

    def answers() -> bool:
        try:
            urllib.request.urlopen(f"{ADMIN}/config/")  # noqa: S310  # as above
        except OSError:
            return False
        return True

    _until(answers)


def _background(*argv: str, folder: Path = WORK) -> None:
    none = subprocess.DEVNULL
    subprocess.Popen(argv, cwd=folder, stdin=none, stdout=none, stderr=none)


def _until(holds: Any) -> None:
    end = time.monotonic() + 180
    while not holds():
        if time.monotonic() > end:
            raise SystemExit("it did not come up within 180 s")
        time.sleep(0.02)


STARTS = {"wireguard": start_wireguard, "caddy": start_caddy}
WHOLE = {"units": units, "cloud_init": cloud_init}
ONE = {
    "sshd": sshd,
    "iptables": lambda text: iptables(text, "iptables"),
    "ip6tables": lambda text: iptables(text, "ip6tables"),
    "nft": nft,
    "wireguard": wireguard,
    "fail2ban": fail2ban,
    "yaml": yaml,
    "shell": shell,
    "caddy": caddy,
}


def main() -> None:
    started = set()
    WORK.mkdir()
    for line in sys.stdin:
        asked = json.loads(line)
        kind, results = asked["kind"], []
        if kind in STARTS and kind not in started:
            STARTS[kind]()
            started.add(kind)
        if kind in WHOLE:
            results = WHOLE[kind](asked["items"])
        for item in asked["items"] if kind in ONE else ():
            try:
                results.append({"value": ONE[kind](item)})
            except RefusedError as error:
                results.append({"refused": str(error)})
        print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
