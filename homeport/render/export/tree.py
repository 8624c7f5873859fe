"""A stack as plain files: a compose file, the files that it mounts, and what the script that deploys them must know.

Without secrets, files that hold some are templates, which ``deploy.sh`` fills in from ``.env`` on the host. The host
names that a proxy of the preset's own answers to come from ``.env`` too, so that the same files serve any domain.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from homeport.model import jwt, names, template
from homeport.model.container import container_spec, own_volumes
from homeport.model.errors import BlueprintError, Problem
from homeport.model.secret import SHAPES
from homeport.render.bundle import Entry, folders
from homeport.render.caddy import caddyfile
from homeport.render.databases import script
from homeport.render.export import compose
from homeport.render.export.project_files import project_files
from homeport.render.files import ServiceFiles, service_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.preset import Preset
    from homeport.model.route import Route
    from homeport.model.secret import SecretSpec
    from homeport.model.service import Service, Volume

NONE = "-"
"""In the manifest, for what is not there: a field of a line is never empty."""
_OWN = frozenset({"files", "secrets", "templates", "config", "logs", "manifest"})
"""What is the export's own: no volume is one of them, or it would hold what is there."""
LOGS = "logs"
_FIRST_FREE = 1024
"""The first port that a user other than root listens on, unless the host's kernel says otherwise (ip-sysctl)."""
_MADE = {
    "generated": "; made and kept by deploy.sh unless you set it",
    "derived": "; made of {} by deploy.sh unless you set both",
}
"""Policies of secrets that deploy.sh makes, and how their line says so."""
_SAME = "; the same as {} unless you set it"
_HOST_MARK = "host-from-env.invalid"
_DEPLOY = Path(__file__).with_name("deploy.sh")
_README = Path(__file__).with_name("README.md")


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A line of ``.env``.

    Attributes:
        name: Its name.
        kind: Its shape, as deploy.sh knows them: a secret's kind, or ``host``.
        need: ``required``, ``optional``, or made by deploy.sh where it is missing: ``generated`` at random and kept,
            ``derived`` of another secret.
        secret: The secret's name in the blueprint; ``NONE``: it is none.
        words: What it is for, and what it looks like.
    """

    name: str
    kind: str
    need: str
    secret: str
    words: str


@dataclass(frozen=True, kw_only=True)
class Export:
    """One export of a blueprint.

    Attributes:
        blueprint: The system.
        preset: How its files are to be called, and what it is for.
        specs: Every secret of the blueprint, by name.
        root: The project's folder, below which the static files are.
    """

    blueprint: Blueprint
    preset: Preset
    specs: Mapping[str, SecretSpec]
    root: Path

    def tree(self) -> dict[str, bytes]:
        """Path below the export's folder to content; no secret is in it.

        Raises:
            BlueprintError: Something in the SQL looks like a secret's place and is none.
        """
        contents = {source: content for files in self._files().values() for source, content in files.items()}
        return {
            **contents,
            **{path: file.read_bytes() for path, file in project_files(self.preset.export.documents, self.root)},
            **self._layers(),
            **self._sql(),
            "docker-compose.yml": self.compose_file().encode(),
            "manifest": self.manifest().encode(),
            ".env.example": self.env_example().encode(),
            ".gitignore": self._gitignore().encode(),
            "README.md": self._readme().encode(),
            "deploy.sh": _DEPLOY.read_bytes(),
        }

    def _layers(self) -> dict[str, bytes]:
        """Networks, the overrides of environments and the shared variables, where the layout has them."""
        if not self.preset.export.sites:
            return {}
        blueprint, proxy = self.blueprint, self.blueprint.proxy
        here = [f"127.0.0.1:{route.here}:{route.here}/tcp" for route in blueprint.routes if route.here]
        private = {"services": {proxy.name: {"ports": here}}} if proxy and here else {"services": {}}
        public = {"services": {proxy.name: {"ports": ["80:80/tcp"]}}} if proxy and not blueprint.connector else {}
        names_ = "".join(f"{name}={_by_port(route)}\n" for name, route in self._hosts().items())
        head = "# Shared, and nothing secret: .env comes after this and wins. A site is a port or a host name.\n"
        return {
            "networks.yml": compose.text(compose.networks(blueprint)).encode(),
            "docker-compose.override.private.yml": compose.text(private).encode(),
            "docker-compose.override.public.yml": compose.text(public or {"services": {}}).encode(),
            ".env.global": (head + names_).encode(),
        }

    def with_secrets(self, values: Mapping[str, str]) -> dict[str, Entry]:
        """What ``deploy.sh`` would make of the tree for this stack: ``.env``, and every file that a container reads.

        Args:
            values: Secret's name to its value.
        """
        files: dict[str, Entry] = {}
        # Salts hashes: the same as long as the secrets are. deploy.sh, which keeps one of its own, makes them anew.
        key = hashlib.sha256(
            "\n".join(f"{name}={value}" for name, value in sorted(values.items())).encode()
        ).hexdigest()
        for service in self.blueprint.services:
            of_service = service_files(self.blueprint, service, self.root)
            if of_service.plain or of_service.secret:
                entries = of_service.entries(values, key)
                files |= {
                    str(PurePosixPath("files", service.name, entry.path)): entry
                    for entry in (*folders(entries), *entries)
                }
        hosts = {name: self.blueprint.host(route) for name, route in self._hosts().items()}
        settings = {variable.name: values.get(variable.secret, "") for variable in self.variables()} | hosts
        text = "".join(f"{name}={template.ENV(value)}\n" for name, value in settings.items() if value)
        return files | {".env": Entry(path=".env", mode=0o600, uid=0, gid=0, content=text.encode())}

    def variables(self) -> tuple[Variable, ...]:
        """Every line of ``.env``, those first that a person has to set."""
        asked = self.preset.export.required
        needed = list(self.blueprint.secrets())
        # What signs others is needed even where nothing reads it.
        needed += sorted({self.specs[name].made_of for name in needed} - {"", *needed})
        ordered = [*(name for name in asked if name in needed), *(name for name in needed if name not in asked)]
        secrets = [self._variable(self.specs[name], required=name in asked) for name in ordered]
        hosts = [
            Variable(
                name=name,
                kind="site" if self.preset.export.sites else "host",
                need="optional" if self.preset.export.sites else "required",
                secret=NONE,
                words="Your domain, such as "
                + names.hostname(route.name, "example.com")
                + (f"; else {_by_port(route)}" if self.preset.export.sites else ""),
            )
            for name, route in self._hosts().items()
        ]
        first = [variable for variable in secrets if variable.need == "required"]
        return (*first, *hosts, *(variable for variable in secrets if variable.need != "required"))

    def _variable(self, spec: SecretSpec, *, required: bool) -> Variable:
        given = "optional" if spec.section else "required"
        need = "required" if required else spec.policy if spec.policy in _MADE else given
        kept = _SAME if spec.same else _MADE.get(need, "")
        kept = kept.format(self.specs[spec.made_of].env_name if spec.made_of else "")
        words = f"Needed {spec.purpose}: {SHAPES[spec.kind]}{kept}"
        return Variable(name=spec.env_name, kind=spec.kind, need=need, secret=spec.name, words=words)

    def _hosts(self) -> dict[str, Route]:
        """The variables for host names, which are those of a proxy of the preset's own."""
        if not any(service.edge for service in self.blueprint.services):
            return {}
        ending = "HOSTNAME" if self.preset.export.sites else "HOST"
        return {f"{route.name.upper().replace('-', '_')}_{ending}": route for route in self.blueprint.routes}

    def _marked(self) -> Blueprint:
        """The blueprint with a mark in place of each host name that comes from ``.env``."""
        marks = {route.name: f"{name.lower().replace('_', '-')}.{_HOST_MARK}" for name, route in self._hosts().items()}
        return replace(self.blueprint, hostnames={**self.blueprint.hostnames, **marks})

    def _unmarked(self, text: str, variable: str) -> str:
        """The text with a variable of ``.env`` in place of each mark; ``{}`` in ``variable`` stands for its name."""
        for name in self._hosts():
            text = text.replace(f"{name.lower().replace('_', '-')}.{_HOST_MARK}", variable.replace("{}", name))
        return text

    def compose_file(self) -> str:
        """The compose file; each container's files are in a folder that holds nothing else."""
        marked = self._marked()
        specs = [container_spec(marked, service) for service in marked.services]
        mounted = {
            spec.service: f"./files/{spec.service}"
            for spec in specs
            if any(mount.kind == "files" for mount in spec.mounts)
        }
        if not self.preset.export.sites:
            return self._unmarked(compose.text(compose.model(marked, mounted)), "${{}}")
        model, proxy = compose.model(marked, mounted), self.blueprint.proxy
        text = compose.text(model)
        if proxy:
            own = model["services"][proxy.name]
            own.pop("ports", None)
            own["environment"] = own.get("environment", {}) | {name: _SITE.format(name) for name in self._hosts()}
            text = compose.text(model)
            for name, route in self._hosts().items():
                text = text.replace(_SITE.format(name), f"${{{name}:-{_by_port(route)}}}")
                # What a service says its own address is: one with a port alone has none but this machine's.
                url = f"${{{name.replace('HOSTNAME', 'URL')}:-http://localhost{_by_port(route)}}}"
                text = text.replace(marked.origin(route), url)
        return self._unmarked(text, "${{}}")

    def _files(self) -> dict[str, dict[str, bytes]]:
        """Service name to its files: path in the export to content."""
        marked = self._marked()
        result: dict[str, dict[str, bytes]] = {}
        for service in marked.services:
            files = service_files(marked, service, self.root)
            contents = {
                self._source(service, target): self._caddyfile() if _rendered(service, target) else content
                for target, (_, content) in files.plain.items()
            }
            contents |= {_template(service, file.target): file.template.encode() for file in files.secret}
            result[service.name] = contents
        return result

    def _caddyfile(self) -> bytes:
        """With a variable where HTTPS is to hold for the names below a host name: deploy.sh knows the name."""
        if self.preset.export.sites:
            sites = {route.name: f"{{${name}:{_by_port(route)}}}" for name, route in self._hosts().items()}
            return caddyfile(self.blueprint, sites=sites).encode()
        below = {route.name: f"{{${name}_BELOW}}" for name, route in self._hosts().items()}
        return self._unmarked(caddyfile(self._marked(), below), "{${}}").encode()

    def _source(self, service: Service, target: str) -> str:
        """Where a file is in the export; never in a folder of runtime data."""
        if _rendered(service, target) and not self.preset.export.sites:
            return target
        folder = self._folder(service)
        runtime = {PurePosixPath(path).parts[0] for path in self._runtime_folders()}
        return f"config/{folder}/{target}" if folder in runtime else f"{folder}/{target}"

    def _folder(self, service: Service) -> str:
        return self.preset.export.folders.get(service.name, service.name)

    def _volumes(self) -> dict[str, tuple[str, Volume]]:
        """Name in Docker of each volume to the folder that it is on a host where it is new, and itself."""
        blueprint = self.blueprint
        documents = {PurePosixPath(path).parts[0] for path in self.preset.export.documents}
        reserved = _OWN | documents | blueprint.shared_volumes.keys()
        result: dict[str, tuple[str, Volume]] = {}
        for service in blueprint.services:
            for key, name in own_volumes(blueprint, service).items():
                volume = service.volumes[key]
                folder = volume.name or (f"{self._folder(service)}_data" if key == "data" else key)
                longer = f"{service.name}_{key}"
                taken = reserved | {other for other, _ in result.values()}
                candidates = chain((folder, longer), (f"{longer}_{number}" for number in count(2)))
                result[name] = (next(text for text in candidates if text not in taken), volume)
        for key, volume in blueprint.shared_volumes.items():
            result[names.shared_volume(blueprint.namespace, key)] = (key, volume)
        return result

    def _runtime_folders(self) -> dict[str, tuple[str, str]]:
        """Runtime directories: path to owner and mode."""
        result = {LOGS: ("0:0", "750")}
        for folder, volume in self._volumes().values():
            uid, gid = volume.owner or (0, 0)
            for path in (folder, *(f"{folder}/{inner}" for inner in volume.folders)):
                result[path] = (f"{uid}:{gid}", f"{volume.mode:o}")
        return result

    def manifest(self) -> str:
        """What deploy.sh reads: one fact a line, its kind first."""
        blueprint, specs = self.blueprint, {}
        lines = [f"target {self._target()}"]
        lines += [f"variable {line.name} {line.kind} {line.need} {line.secret}" for line in self.variables()]
        derived = [self.specs[line.secret] for line in self.variables() if line.need == "derived"]
        lines += [
            f"{'same' if spec.same else 'public'} {spec.env_name} {self.specs[spec.made_of].env_name}"
            if spec.same or spec.kind == "ed25519-public"
            else f"signed {spec.env_name} {self.specs[spec.made_of].env_name} {jwt.unsigned(spec.claims)}"
            for spec in derived
        ]
        for service in sorted(blueprint.services, key=lambda service: service.name):
            specs[service.name] = container_spec(blueprint, service)
            lines.append(f"container {specs[service.name].name} {service.name}")
            if service.host_network and service.uid:
                # In the host's own network Docker opens low ports to nobody.
                ports = (port.outside for port in blueprint.published(service))
                lines += [f"low {port} {specs[service.name].name}" for port in ports if port < _FIRST_FREE]
            lines += self._file_lines(service, service_files(blueprint, service, self.root))
        used = {network for spec in specs.values() for network in spec.networks}
        for network in blueprint.networks:
            name = names.physical(blueprint.namespace, network.name)
            if name in used:
                way_out = "internal" if network.internal else "open" if network.masquerade else "inward"
                lines.append(f"network {name} {network.subnet} {network.gateway} {way_out}")
        lines += [f"volume {name} {folder}" for name, (folder, _) in self._volumes().items()]
        lines += [f"folder {path} {owner} {mode}" for path, (owner, mode) in sorted(self._runtime_folders().items())]
        lines += [
            f"program {folder}/{PurePosixPath(volume.program).name} {blueprint.tools[volume.tool]} {volume.program}"
            for folder, volume in self._volumes().values()
            if volume.tool
        ]
        lines += [f"sql {server} {_sql_path(server)}" for server in self._servers()]
        if not self.preset.export.sites:
            lines += [self._route_line(name, route) for name, route in self._hosts().items()]
        return "".join(f"{line}\n" for line in lines)

    def _target(self) -> str:
        return f"/opt/{names.physical(self.blueprint.namespace, self.blueprint.preset)}"

    def _file_lines(self, service: Service, files: ServiceFiles) -> list[str]:
        """How each file of a container is made: from which source, with which mode and owner."""
        owner, lines = f"{files.owner}:{files.owner}", []
        for target, (mode, _) in sorted(files.plain.items()):
            source = self._source(service, target)
            lines.append(f"file {source} files/{service.name}/{target} {owner} {mode:o}")
        for file in files.secret:
            source = _template(service, file.target)
            lines.append(f"secret {source} files/{service.name}/{file.target} {owner} {file.mode:o}")
        return lines

    def _route_line(self, variable: str, route: Route) -> str:
        """Where a route answers, what it answers to somebody without a password, who has its certificate's root.

        Last the name that homeport made for it: below this one, and no other, all names are its own.
        """
        blueprint, edge = self.blueprint, self.blueprint.edge
        address = "127.0.0.1" if edge.bind in {"0.0.0.0", "::"} else edge.bind  # noqa: S104 - compared only
        guard = next((guard.kind for guard in route.guards if not guard.paths), "open")
        code = "401" if guard in {"basic", "api-key"} else "any"
        proxy = next(service for service in blueprint.services if service.edge)
        data = proxy.env.get("XDG_DATA_HOME", "/data")
        container = names.physical(blueprint.namespace, proxy.name)
        root = NONE if edge.public else f"{container}:{data}/caddy/pki/authorities/local/root.crt"
        ours = NONE if route.name in blueprint.hostnames else blueprint.host(route)
        return f"route {variable} {address} {edge.ports['https']} {code} {root} {ours}"

    def _sql(self) -> dict[str, bytes]:
        """The SQL of each server, with ``{secret}`` for a role's password; safe to run again."""
        places = {name: f"{{{name}}}" for name in self.blueprint.secrets()}
        texts = {server: script(self.blueprint, server, self.root, places) for server in self._servers()}
        for server, text in texts.items():
            if strange := set(template.names(text)) - places.keys():
                what = f"its SQL holds {{{min(strange)}}}, which deploy.sh would fill in"
                raise BlueprintError((Problem(f"databases on {server}", what, "write it another way"),))
        return {_sql_path(server): text.encode() for server, text in texts.items()}

    def _servers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(database.server for database in self.blueprint.databases))

    def env_example(self) -> str:
        """``.env.example``: every variable, the required ones to be filled in, the others commented out."""
        lines = ["# cp .env.example .env, replace every CHANGE_ME, keep .env out of Git.\n"]
        for variable in self.variables():
            mark = "" if variable.need == "required" else "# "
            lines.append(f"\n# {variable.words}\n{mark}{variable.name}=CHANGE_ME\n")
        return "".join(lines)

    def _gitignore(self) -> str:
        """``.gitignore``: secrets, keys and runtime data."""
        runtime = sorted({PurePosixPath(path).parts[0] for path in self._runtime_folders()})
        shared = ["!.env.global"] if self.preset.export.sites else []
        lines = [".env", ".env.*", "!.env.example", *shared, "/secrets/", "/files/", *(f"/{path}/" for path in runtime)]
        lines += ["/.deployed", "*.pem", "*.key", "*.crt", "id_rsa*", "id_ed25519*", "__pycache__/"]
        return "# What holds a secret or is made at run time.\n" + "".join(f"{line}\n" for line in lines)

    def _readme(self) -> str:
        blueprint = self.blueprint
        containers = [names.physical(blueprint.namespace, service.name) for service in blueprint.services]
        databases = "".join(
            f"    docker exec -it {names.physical(blueprint.namespace, database.server)}"
            f" psql -h 127.0.0.1 -U {role.name} -d {database.name}\n"
            for database in blueprint.databases
            for role in database.roles
            if role.secret
        )
        return template.fill(
            _README.read_text(encoding="utf-8"),
            {
                "preset": blueprint.preset,
                "target": self._target(),
                "purpose": self.preset.purpose,
                "containers": " ".join(containers),
                "service": next((service.name for service in blueprint.services), "<service>"),
                "folders": ", ".join(f"`{path}/`" for path in self._runtime_folders() if "/" not in path),
                "databases": databases,
                "generated": ", ".join(f"`{line.name}`" for line in self.variables() if line.need == "generated"),
            },
            template.TEXT,
        )


_SITE = "SITE-{}-SITE"
"""What stands for a variable until the file's own dollar signs are doubled."""


def _by_port(route: Route) -> str:
    """A site without a host name: any name on that port."""
    return f":{route.here or 80}"


def _rendered(service: Service, target: str) -> bool:
    """Whether a file is made of the routes rather than kept in the project."""
    return service.edge and target == "Caddyfile"


def _template(service: Service, target: str) -> str:
    return f"templates/{service.name}/{target}"


def _sql_path(server: str) -> str:
    return f"templates/sql/{server}.sql"
