"""Stands in for `docker` and `infisical` on PATH: what exists is a JSON file, and every call is noted there.

`docker compose config` reads compose files that are written as JSON. What it does not know fails.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

WORDS = {
    "container": "Error: No such container: {}",
    "volume": "Error response from daemon: get {}: no such volume",
    "network": "Error response from daemon: network {} not found",
    "image": "Error: No such image: {}",
}


def docker(state, argv, text):  # noqa: C901, PLR0912  # one case for each command that it knows
    match argv:
        case [kind, "inspect", name] if kind in WORDS:
            row = state[f"{kind}s"].get(name)
            if row is None:
                print("[]")
                fail(WORDS[kind].format(name))
            print(json.dumps([row]))
        case ["ps", "--all", "--filter", wanted, "--format", "{{.Names}}"]:
            volume = wanted.removeprefix("volume=")
            for name, row in state["containers"].items():
                if any(mount.get("Name") == volume for mount in row["Mounts"]):
                    print(name)
        case ["container", "rm", "--force", "--volumes", name]:
            row = state["containers"].pop(name)
            for mount in row["Mounts"]:
                if len(mount["Name"]) == 64:
                    state["volumes"].pop(mount["Name"], None)
        case ["container", "stop" | "start" as verb, name]:
            state["containers"][name]["running"] = verb == "start"
        case ["volume", "rm", name]:
            if any(mount["Name"] == name for row in state["containers"].values() for mount in row["Mounts"]):
                fail(f"Error response from daemon: remove {name}: volume is in use")
            del state["volumes"][name]
        case ["run", "--rm", "--network", "none", *rest]:
            mount = next(word for word in rest if word.startswith("type=volume"))
            assert rest[-2:] == ["-c", "find /emptied -mindepth 1 -delete"]
            state["volumes"][mount.split("source=")[1].split(",")[0]]["content"] = []
        case ["exec", "caddy", "caddy", "validate", "--config", "/etc/caddy/Caddyfile"]:
            if state["caddyfile"]:
                fail(state["caddyfile"])
        case ["login", registry, "--username", user, "--password-stdin"]:
            if text != state["password"]:
                fail(f"Error response from daemon: unauthorized: {text} is no password")
            state["signed_in"] = [registry, user]
        case ["pull", "--quiet", image]:
            if image not in state["registry"]:
                fail(f"Error response from daemon: pull access denied for {image}")
            state["images"][image] = {"Id": "sha256:" + "0" * 64, "RepoDigests": [f"x@{state['registry'][image]}"]}
            print(image)
        case ["compose", "version"] if state["compose"]:
            print("Docker Compose version v2.40.3")
        case ["compose", *rest] if state["compose"]:
            compose(state, rest)
        case _:
            fail(f"docker: unknown command: docker {' '.join(argv)}")


def compose(state, argv):  # noqa: C901  # what compose does in this order
    files, profiles = [], set()
    while argv and argv[0].startswith("--"):
        name, value, *argv = argv
        files += [value] if name == "--file" else []
        profiles |= {value} if name == "--profile" else set()
    services, networks = {}, {}
    for file in files:
        model = json.loads(Path(file).read_text(encoding="utf-8"))
        networks |= model.get("networks", {})
        for name, service in model["services"].items():
            services[name] = services.get(name, {}) | service
    chosen = {
        name: service
        for name, service in services.items()
        if not service.get("profiles") or profiles & set(service["profiles"])
    }
    for service in chosen.values():
        for name in service.get("needs", []):
            if not os.environ.get(name):
                fail(
                    f"error while interpolating: required variable {name} is missing a value: {os.environ.get('SHOWN')}"
                )
    if argv == ["config", "--format", "json"]:
        print(json.dumps({"services": chosen}))
    elif argv == ["up", "--detach", "--wait"]:
        stack = Path(files[0]).parent.name
        for name, network in networks.items():
            known = network.get("name", name)
            if network.get("external") and known not in state["networks"]:
                fail(f"network {known} declared as external, but could not be found")
            state["networks"].setdefault(known, {"Name": known})
        known = {name: value for name, value in os.environ.items() if name.startswith("T_")}
        state["started"].append({"stack": stack, "services": sorted(chosen), "env": known})
        state["infisical_up"] = state["infisical_up"] or "infisical-backend" in chosen
    else:
        fail(f"unknown docker command: compose {argv}")


def infisical(state, argv, _text):
    if not state["infisical_up"]:
        fail("error: CallUniversalAuthLogin: connection refused")
    match argv:
        case ["login", "--method=universal-auth", "--plain", "--silent"]:
            if os.environ.get("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET") != state["password"]:
                fail(f"error: 401 for {os.environ.get('INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET')}")
            print(state["token"])
        case ["export", "--format=dotenv", "--silent", *_]:
            if os.environ.get("INFISICAL_TOKEN", state["token"]) != state["token"]:
                fail("error: 403")
            sys.stdout.write(state["export"])
        case _:
            fail(f"unknown command {argv}")


def fail(message):
    print(message, file=sys.stderr)
    raise SystemExit(1)


def main():
    path = Path(os.environ["FAKE_DOCKER"])
    state = json.loads(path.read_text(encoding="utf-8"))
    program, argv = Path(sys.argv[0]).name, sys.argv[1:]
    state["calls"].append([program, *argv])
    text = sys.stdin.read() if argv[:1] == ["login"] and program == "docker" else ""
    try:
        {"docker": docker, "infisical": infisical}[program](state, argv, text)
    finally:
        path.write_text(json.dumps(state), encoding="utf-8")


if __name__ == "__main__":
    main()
