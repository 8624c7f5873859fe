"""The keys of one service of a compose file, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from homeport.model import template
from homeport.model.errors import Problem
from homeport.model.image import floats, parts
from homeport.plan.compose import secretive
from homeport.plan.compose.document import Leaf, items, leaves, listed, named_files, pairs, said
from homeport.plan.compose.keys import CAPABILITIES, LEFT
from homeport.plan.compose.shapes import (
    NO_WEB,
    PATH,
    USER,
    VARIABLE,
    Secret,
    best_ports,
    megabytes,
    part_name,
    port_numbers,
    seconds,
    whole,
)
from homeport.plan.compose.variables import Piece, Text
from homeport.settings.apps import FILES_AT, MOST_PIDS, MOST_RETRIES, MOST_TMPFS, TOOLS_AT
from homeport.settings.kinds import LEAST_CORES, LEAST_MEMORY, MOST_CORES, MOST_MEMORY, cores
from homeport.settings.section import LONGEST_TEXT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from homeport.plan.compose.document import Node, Pair
    from homeport.plan.compose.services import Translation
    from homeport.plan.compose.shapes import Known, Service

_HOST_RULE = re.compile(r"Host\(\s*[`'\"]([^`'\"]+)[`'\"]")
_PROXY_PORT = re.compile(r"\.loadbalancer\.server\.port$", re.IGNORECASE)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
_MEMORY = 256
_KERNEL = ("/proc", "/sys", "/dev", TOOLS_AT, FILES_AT, "/etc/hosts", "/etc/hostname", "/etc/resolv.conf")
"""Where the kernel, and homeport, have files of their own."""
_MOST_WORDS = 64
_LINES = {9: 32, 10: 32}
"""A tab and the end of a line, which a text may hold, as a blank."""
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_FILE_LIKE = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_SYSTEM = ("/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo")


class Keys:
    """Reads one service into its block."""

    def __init__(self, whole: Translation, service: Service) -> None:
        self._whole, self._service = whole, service
        self._block = service.block
        self._published: list[tuple[int, Node]] = []
        self._exposed: list[tuple[int, Node]] = []
        self._hints: list[tuple[int, Node]] = []
        self._host = ""
        self._known: Known | None = None
        self._with_secrets = False

    def read(self) -> None:
        """All of them; what no method reads is left for a reason, or for want of one."""
        keys = self._service.keys
        self._image()
        for key, node in keys.items():
            method: Callable[[Node], None] | None = getattr(self, f"_key_{key}", None)
            if method is not None:
                method(node)
        if self._with_secrets and self._known:
            self._block |= self._known.start(self._block.get("command", []))
        self._port()
        self._defaults()
        for key, node in keys.items():
            if key.startswith("x-"):
                self._left(node, "an extension that compose itself does not read")
            elif key in LEFT:
                # The rest of a key that is read above, where it was read above.
                for leaf in leaves(node):
                    if not self._whole.account.knows(leaf.path):
                        self._left(leaf, LEFT[key])

    # What is said.

    def _taken(self, node: Node | None, what: str) -> None:
        self._whole.account.note("taken", node, what, about=self._service.about)

    def _hard(self, node: Node | None, what: str, waiver: str = "") -> None:
        way = f"homeport:settings.apps.{self._service.app}.{waiver}" if waiver else ""
        self._whole.account.note("hardened", node, what, about=self._service.about, waiver=way)

    def _left(self, node: Node | None, why: str) -> None:
        self._whole.account.note("left", node, why, about=self._service.about)

    # What is run.

    def _image(self) -> None:
        service, choices = self._service, self._whole.choices
        node = service.keys.get("image")
        image = choices.images.get(service.name) or said(node)
        self._known = choices.facts.get(said(node)) or choices.facts.get(image)
        build = service.keys.get("build")
        if build is not None:
            self._left(build, "an app runs an image that is there: build and push it, and name it with --image")
        if not image:
            if node is not None:
                self._left(node, "nothing sets it")
            fix = f"--image {service.name}=registry.example.com/{service.app}:1.0, once it is built and pushed"
            self._whole.decide(Problem(f"services.{service.name}.image", "it is built, and no image is named", fix))
            return
        if floats(image) and image in choices.pins:
            self._hard(node, "pinned to what this machine has of it: the tag is another image tomorrow")
            image = choices.pins[image]
        elif floats(image):
            repository = parts(image)[0]
            what = f"{image} names no version: it is another image tomorrow"
            self._left(node, f"{what}; --image names one")
            fix = f"--image {service.name}={repository}:<version>, or docker pull {image}, which pins what you have"
            self._whole.decide(Problem(f"services.{service.name}.image", what, fix))
        elif image != said(node):
            self._taken(node, f"{image}, as --image says")
        else:
            self._taken(node, "as it is")
        self._block["image"] = image

    def _words(self, key: str, node: Node) -> None:
        if isinstance(node, Leaf) and isinstance(node.value, Text):
            try:
                words = shlex.split(node.text.value)
            except ValueError:
                self._left(node, "its quotes do not close")
                return
            texts = [node.text]
        else:
            texts = [leaf.text for leaf in listed(node) if isinstance(leaf, Leaf)]
            words = [text.value for text in texts]
        if any(secretive.inside(text) for text in texts) or self._secret_word(words):
            self._left(
                node, "a secret stands in it, and everybody may read a command: hand it over as a variable or file"
            )
            return
        if key == "entrypoint" and words and not words[0]:
            self._left(node, "it takes the image's entry point away: say the whole program")
            return
        if not all(word.translate(_LINES).isprintable() for word in words):
            self._left(node, "it holds a control character")
            return
        if len(words) > _MOST_WORDS or any(len(word) > LONGEST_TEXT for word in words):
            self._left(node, f"an app's {key} has at most {_MOST_WORDS} words of {LONGEST_TEXT} characters")
            return
        if words:
            self._block[key] = words
            self._service.texts.append((key, " ".join(words)))
        self._taken(node, "as it is" if words else "empty, as if it were not there")

    def _secret_word(self, words: list[str]) -> bool:
        """Whether a word follows the name of an option that takes a secret."""
        text = " ".join(words)
        return bool(secretive.inside(Text.plain(f" {text}")))

    def _key_command(self, node: Node) -> None:
        self._words("command", node)

    def _key_entrypoint(self, node: Node) -> None:
        self._words("entrypoint", node)

    def _key_restart(self, node: Node) -> None:
        if said(node) in {"always", "unless-stopped"}:
            self._taken(node, "an app always comes back, also after a reboot")
        else:
            self._hard(node, "an app always comes back, also after a reboot")

    def _key_profiles(self, node: Node) -> None:
        names = [said(below) for below in listed(node)]
        if set(names) & set(self._whole.choices.profiles):
            self._taken(node, "switched on by --profile")
        elif names:
            self._block["enabled"] = False
            self._taken(node, "enabled is false: compose starts it for a profile alone")
        else:
            self._taken(node, "none")

    def _key_init(self, node: Node) -> None:
        if isinstance(node, Leaf) and node.true:
            self._taken(node, "an init is process 1 of every app")
        else:
            self._hard(node, "an init is process 1 of every app")

    def _key_stop_grace_period(self, node: Node) -> None:
        self._left(node, "an app has 30 seconds between the stop signal and the kill")

    def _key_stop_signal(self, node: Node) -> None:
        self._left(node, "an app is stopped with its image's own signal")

    def _key_logging(self, node: Node) -> None:
        self._hard(node, "Docker keeps three log files of 10 MB")

    # Its environment and secrets.

    def _key_environment(self, node: Node) -> None:
        for pair in pairs(node):
            self._variable(pair)

    def _key_env_file(self, node: Node) -> None:
        direct = {pair.name for pair in pairs(self._service.keys.get("environment"))}
        for path, below in named_files(node):
            values = self._whole.env_file(path)
            if values is None:
                self._left(below, "no such file is in the compose file's folder; what it would set is not known")
                continue
            self._taken(below, f"its {len(values)} variables, each by itself")
            for name, value in values.items():
                if name not in direct:
                    # The file may be a thousand miles from the compose file: its lines are named by the variable.
                    leaf = Leaf(path=f"{path}: {name}", value=Text.plain(value))
                    self._variable_of(name, leaf.text, leaf)

    def _variable(self, pair: Pair) -> None:
        if pair.value is None and pair.name in self._whole.variables:
            value = Text((Piece(self._whole.variables[pair.name], pair.name),))
            self._variable_of(pair.name, value, pair.leaf)
            return
        if pair.value is None:
            if secretive.name_tells(pair.name):
                self._secret(pair.name, Text.plain(""), pair.leaf)
            else:
                self._left(pair.leaf, "no value stands there: compose takes that of the shell it is started in")
            return
        self._variable_of(pair.name, pair.value, pair.leaf)

    def _variable_of(self, name: str, text: Text, leaf: Leaf) -> None:
        value = text.value
        if not VARIABLE.fullmatch(name):
            self._left(leaf, "an app's variables are named by letters, digits and _, 64 at most")
        elif self._is_proxy_hint(name, value, leaf):
            return
        elif secretive.name_tells(name) and (text.unset if not value else not secretive.harmless(value)):
            self._secret(name, text, leaf)
        elif secretive.name_tells(name) and secretive.absent(value):
            self._left(leaf, "it says that there is none, so there is none")
        elif within := secretive.inside(text):
            self._service.texts.append((name, value))
            whole = len(within) == 1 and within[0].value == value
            self._add(
                Secret(
                    service=self._service.name,
                    name=name,
                    value=value,
                    variable=within[0].variable if whole else "",
                    around=() if whole else tuple(within),
                    leaf=leaf,
                )
            )
        elif text.unset and not value:
            self._left(leaf, f"nothing sets {', '.join(text.unset)}, so compose would hand over an empty text")
        elif len(value) > LONGEST_TEXT:
            self._left(leaf, f"longer than {LONGEST_TEXT} characters")
        elif any(":" in word or word in self._whole.choices.words for word in template.names(value)):
            self._left(
                leaf, "a name in braces stands for a setting in an app's variables, and this one means something else"
            )
        else:
            self._block.setdefault("env", {})[name] = value
            self._service.lines[name] = leaf
            self._service.texts.append((name, value))
            what = f"as it is, without {', '.join(text.unset)}, which nothing sets" if text.unset else "as it is"
            self._taken(leaf, what)

    def _secret(self, name: str, text: Text, leaf: Leaf) -> None:
        value = text.value
        within = secretive.inside(text)
        variables = text.variables or text.unset
        variable = variables[0] if len(variables) == 1 and len([p for p in text.pieces if p.text]) <= 1 else ""
        around = tuple(within) if within and not (len(within) == 1 and within[0].value == value) else ()
        self._add(
            Secret(
                service=self._service.name,
                name=name,
                value=value,
                variable="" if around else variable,
                around=around,
                leaf=leaf,
            )
        )

    def _add(self, secret: Secret) -> None:
        known = self._service.secrets
        if all(other.name != secret.name for other in known):
            known.append(secret)
        self._block.get("env", {}).pop(secret.name, None)
        if not secret.mounted:
            self._started_with_secrets()

    def _started_with_secrets(self) -> None:
        """A program that takes no file is started by its own entry point, with the secrets in its environment."""
        known = self._known
        if known and "entrypoint" not in self._service.keys and "entrypoint" not in self._block:
            self._with_secrets = not known.takes_files

    def _key_secrets(self, node: Node) -> None:
        for below in listed(node):
            long = items(below)
            source = said(long.get("source")) if long else said(below)
            target = said(long.get("target")) or source
            path = target if target.startswith("/") else f"{FILES_AT}/{target}"
            name = re.sub(r"[^A-Za-z0-9]+", "_", source).strip("_").upper()
            fits = VARIABLE.fullmatch(name) and PATH.fullmatch(path) and path.rpartition("/")[0] == FILES_AT
            if not fits:
                self._left(below, f"an app finds its secrets as files in {FILES_AT}")
                continue
            leaf = long.get("source") if long else below
            self._add(
                Secret(
                    service=self._service.name,
                    name=name,
                    value="",
                    variable=f"secret:{source}",
                    mounted=path,
                    leaf=leaf,
                )
            )
            for key, value in long.items():
                if key in {"uid", "gid", "mode"}:
                    self._hard(value, "the app's user owns it, mode 0400")
                elif key == "target":
                    self._taken(value, "the file's name")

    # What it may use.

    def _memory(self, node: Node) -> None:
        size = megabytes(said(node))
        if size is None:
            self._left(node, "no size that compose knows")
        elif size < LEAST_MEMORY:
            self._left(node, f"less than {LEAST_MEMORY} MB" if size > 0 else "no limit: an app has one")
        elif size > MOST_MEMORY:
            self._left(node, f"more than {MOST_MEMORY} MB")
        else:
            self._block["memory"] = round(size)
            self._taken(node, f"{round(size)} MB")

    def _cpus(self, node: Node) -> None:
        try:
            number = cores(float(said(node)))
        except ValueError:
            number = 0
        if LEAST_CORES <= number <= MOST_CORES:
            self._block["cpus"] = number
            self._taken(node, "as it is")
        else:
            self._left(node, f"no limit that an app can have: from {LEAST_CORES} to {MOST_CORES}")

    def _pids(self, node: Node) -> None:
        if 1 <= (number := whole(said(node))) <= MOST_PIDS:
            self._block["pids"] = number
            self._taken(node, "as it is")
        else:
            self._hard(node, "an app has a limit of processes", "pids")

    def _key_mem_limit(self, node: Node) -> None:
        self._memory(node)

    def _key_memswap_limit(self, node: Node) -> None:
        self._hard(node, "swap is off")

    def _key_cpus(self, node: Node) -> None:
        self._cpus(node)

    def _key_pids_limit(self, node: Node) -> None:
        self._pids(node)

    def _key_scale(self, node: Node) -> None:
        if said(node) == "1":
            self._taken(node, "an app is one container")

    def _key_deploy(self, node: Node) -> None:
        readers = {"memory": self._memory, "cpus": self._cpus, "pids": self._pids}
        for key, value in items(items(items(node).get("resources")).get("limits")).items():
            if key in readers:
                readers[key](value)
        replicas = items(node).get("replicas")
        if said(replicas) == "1":
            self._taken(replicas, "an app is one container")
        elif replicas is not None:
            self._left(replicas, "an app is one container")
        for leaf in leaves(node):
            if not self._whole.account.knows(leaf.path):
                self._left(leaf, "of deploy an app has limits of memory, cpus and pids; the rest is for clusters")

    def _key_shm_size(self, node: Node) -> None:
        self._left(node, "an app's /dev/shm has 64 MB")

    # How it is kept in.

    def _key_user(self, node: Node) -> None:
        text = said(node)
        if text.partition(":")[0] in {"0", "root"}:
            self._hard(node, "it does not run as root", 'user: "0" and .waivers.root: <why it must be root>')
        elif USER.fullmatch(text):
            self._block["user"] = text
            self._taken(node, "as it is")
        elif not text:
            self._left(node, "nothing sets it")
        else:
            self._left(node, "a name, which only the image knows the number of: name the number in user")

    def _key_read_only(self, node: Node) -> None:
        if isinstance(node, Leaf) and node.true:
            self._taken(node, "as every app")
        else:
            self._hard(
                node, "it writes to its volumes and tmpfs alone", "read_only: false and .waivers.writable_root: <why>"
            )

    def _key_cap_add(self, node: Node) -> None:
        for below in listed(node):
            name = said(below).upper().removeprefix("CAP_")
            if name in CAPABILITIES:
                reason = f"the compose file adds {name}"
                self._block.setdefault("capabilities", {})[f"CAP_{name}"] = reason
                self._taken(below, "kept, with the reason that the file asks for it")
            else:
                self._left(
                    below, f"no app keeps this right of root; those that it may keep: {', '.join(sorted(CAPABILITIES))}"
                )

    def _key_cap_drop(self, node: Node) -> None:
        self._taken(node, "an app keeps no right of root but those it names")

    def _key_security_opt(self, node: Node) -> None:
        for below in listed(node):
            if said(below).replace("=", ":") in {"no-new-privileges", "no-new-privileges:true"}:
                self._taken(below, "as every app")

    def _key_privileged(self, node: Node) -> None:
        if isinstance(node, Leaf) and not node.true:
            self._taken(node, "as every app")

    def _key_ipc(self, node: Node) -> None:
        if said(node) == "private":
            self._taken(node, "as every app")

    def _key_stdin_open(self, node: Node) -> None:
        if isinstance(node, Leaf) and not node.true:
            self._taken(node, "as every app")

    def _key_tty(self, node: Node) -> None:
        self._key_stdin_open(node)

    def _key_hostname(self, node: Node) -> None:
        if said(node) == self._service.app:
            self._taken(node, "the app's name")
        else:
            self._hard(node, f"its host name is the app's, {self._service.app}; whoever names it is told so")

    def _key_extends(self, node: Node) -> None:
        self._taken(node, "laid over what it extends")

    def _key_container_name(self, node: Node) -> None:
        self._hard(node, "homeport names containers after stack and app; other apps call it by the app's name")

    def _key_tmpfs(self, node: Node) -> None:
        for below in listed(node):
            path, _, options = said(below).partition(":")
            sizes = [
                megabytes(option.removeprefix("size=")) for option in options.split(",") if option.startswith("size=")
            ]
            self._tmpfs(path, sizes[0] if sizes and sizes[0] else None, below)

    def _tmpfs(self, path: str, size: float | None, node: Node) -> None:
        if not _free(path.rstrip("/")):
            self._left(node, "no path that an app can have something at")
            return
        if size is not None and size > MOST_TMPFS:
            self._left(node, f"more than {MOST_TMPFS} MB in memory")
            return
        self._block.setdefault("tmpfs", {})[path.rstrip("/")] = max(1, round(size or 64))
        self._hard(node, "with a size, and without programs that could be run from it")

    # Its data.

    def _key_volumes(self, node: Node) -> None:
        for below in listed(node):
            if isinstance(below, dict):
                self._long_volume(below)
            elif isinstance(below, Leaf):
                self._short_volume(below)

    def _short_volume(self, leaf: Leaf) -> None:
        text = leaf.text.value
        if _WINDOWS.match(text):
            self._left(leaf, "a path of Windows")
            return
        words = text.split(":")
        if len(words) == 1:
            self._mount("volume", "", words[0], "", leaf)
            return
        source, target, *rest = words
        kind = "bind" if source.startswith((".", "/", "~")) or "/" in source else "volume"
        self._mount(kind, source, target, ",".join(rest), leaf)

    def _long_volume(self, node: dict[str, Node]) -> None:
        kind = said(node.get("type")) or "volume"
        target = said(node.get("target"))
        if kind == "tmpfs":
            self._tmpfs(target, megabytes(said(items(node.get("tmpfs")).get("size"))), node)
            return
        read_only = node.get("read_only")
        mode = "ro" if isinstance(read_only, Leaf) and read_only.true else ""
        self._mount(kind, said(node.get("source")), target, mode, node)
        for key, value in node.items():
            if key not in {"type", "source", "target", "read_only"}:
                self._left(value, "an app's volume is Docker's own, without options")

    def _mount(self, kind: str, source: str, target: str, mode: str, node: Node) -> None:
        target = target.rstrip("/")
        modes = set(mode.split(","))
        if kind not in {"volume", "bind"}:
            self._left(node, f"an app has volumes and tmpfs, and no {kind}")
        elif not _free(target):
            self._left(node, "no path that an app can have something at")
        elif kind == "bind" and source.endswith(".sock"):
            self._left(node, "a socket of the host gives what listens there to the app; Docker's is root of the host")
        elif kind == "bind" and (source in _SYSTEM or target in _SYSTEM):
            self._left(node, "an app sees no file of the host; the variable TZ sets the time zone of most images")
        elif kind == "bind" and ("ro" in modes or _FILE_LIKE.search(PurePosixPath(target).name)):
            self._left(
                node,
                "an app has no files of the checkout or the host: build it into the image, or put it into a volume",
            )
        elif kind == "bind" and source.startswith(
            ("/dev", "/proc", "/sys", "/run", "/var/run", "/var/lib/docker", "/etc")
        ):
            self._left(node, "an app sees nothing of the host's own")
        elif any(volume["path"] == target for volume in self._paths()):
            self._left(node, "something else is mounted there already")
        else:
            self._volume(kind, source, target, modes, node)

    def _paths(self) -> Iterable[dict[str, Any]]:
        return (
            {"path": value} if isinstance(value, str) else value for value in self._block.get("volumes", {}).values()
        )

    def _volume(self, kind: str, source: str, target: str, modes: set[str], node: Node | None) -> None:
        volumes = self._block.setdefault("volumes", {})
        own = PurePosixPath(source).name if source not in {"", ".", ".."} else ""
        candidates = (part_name(own) if own else "", part_name(target), *(f"v-{number}" for number in range(2, 40)))
        name = next(text for text in candidates if text and text not in volumes)
        volumes[name] = target
        owner = self._whole.owner_of(source, self._service.name) if source else self._service.name
        if owner != self._service.name:
            self._left(node, f"{owner} has this volume: two apps share none, so here it is another one, and empty")
        elif kind == "bind":
            self._hard(
                node, f"the volume {name} in the place of a folder of the host; what is in the folder is not copied"
            )
        elif "ro" in modes:
            self._left(node, f"the volume {name}, which the app may write to: it is its own")
        else:
            self._taken(node, f"the volume {name}")

    # Whom it talks to.

    def _key_depends_on(self, node: Node) -> None:
        if isinstance(node, dict):
            for name, below in node.items():
                condition = said(items(below).get("condition"))
                self._depends(name, items(below).get("condition") or below, condition)
                for key, value in items(below).items():
                    if key == "restart":
                        self._left(value, "an app is not started again because another one was")
                    elif key == "required" and isinstance(value, Leaf) and value.true:
                        self._taken(value, "as needs means it")
                    elif key == "required":
                        self._hard(value, "what an app needs is there")
            return
        for below in listed(node):
            self._depends(said(below), below, "service_started")

    def _depends(self, name: str, node: Node, condition: str) -> None:
        other = self._whole.service(name)
        if other is None:
            why = self._whole.left_whole(name) or "the file has no such service"
            if name == self._whole.choices.database and isinstance(node, Leaf):
                self._taken(node, "the stack's PostgreSQL is there before every app that has a database")
            else:
                self._left(node, f"{name}: {why}")
            return
        self._whole.need(self._service, other.app, "it depends on it")
        if condition in {"", "service_healthy"}:
            self._taken(node, f"needs {other.app}")
        else:
            self._hard(node, f"needs {other.app}, and waits until it is healthy")

    def _key_links(self, node: Node) -> None:
        for below in listed(node):
            name, _, _alias = said(below).partition(":")
            if other := self._whole.service(name):
                self._whole.need(self._service, other.app, "it is linked to it")
                self._taken(below, f"needs {other.app}, and calls it so")
            else:
                self._left(below, f"{name}: {self._whole.left_whole(name) or 'the file has no such service'}")

    def _key_networks(self, node: Node) -> None:
        self._hard(node, "a network of the app's own; whom it reaches is in needs")
        for below in items(node).values():
            for key, value in items(below).items():
                if key in {"ipv4_address", "ipv6_address", "mac_address", "link_local_ips", "priority", "gw_priority"}:
                    self._left(value, "an app is called by its name, not by an address")

    def _key_network_mode(self, node: Node) -> None:
        if said(node) in {"bridge", "default"}:
            self._hard(node, "a network of the app's own")
        elif said(node) == "none":
            self._taken(node, "nobody but whom needs names, and no way out")
        elif said(node) == "host":
            self._left(node, "it would listen on all of the host's addresses; its port is named in port")

    # Where it is reached.

    def _key_ports(self, node: Node) -> None:
        for below in listed(node):
            long = items(below)
            if long:
                protocol = said(long.get("protocol")) or "tcp"
                numbers = port_numbers(said(long.get("target")))
            else:
                text, _, protocol = said(below).partition("/")
                numbers = port_numbers(text.rpartition(":")[2])
            if protocol not in {"", "tcp"}:
                self._left(below, "an app has one port, over TCP")
            elif len(numbers) != 1:
                self._left(below, "an app has one port")
            else:
                self._published.append((numbers[0], below))

    def _key_expose(self, node: Node) -> None:
        for below in listed(node):
            numbers = port_numbers(said(below).partition("/")[0])
            if len(numbers) == 1 and not said(below).endswith("/udp"):
                self._exposed.append((numbers[0], below))
            else:
                self._left(below, "an app has one port, over TCP")

    def _key_labels(self, node: Node) -> None:
        for pair in pairs(node):
            value = pair.value.value if pair.value else ""
            if match := _HOST_RULE.search(value):
                self._hint_host(match[1], pair.leaf)
            elif _PROXY_PORT.search(pair.name) and whole(value):
                self._hints.append((whole(value), pair.leaf))
            elif pair.name.startswith("traefik."):
                self._left(pair.leaf, "the stack's own proxy leads to the app, with certificates and its own guards")

    def _is_proxy_hint(self, name: str, value: str, leaf: Leaf) -> bool:
        """Variables by which a proxy beside the containers learns of them (nginx-proxy)."""
        if name == "VIRTUAL_HOST":
            self._hint_host(value.partition(",")[0], leaf)
        elif name == "VIRTUAL_PORT" and whole(value):
            self._hints.append((whole(value), leaf))
        elif name in {"LETSENCRYPT_HOST", "LETSENCRYPT_EMAIL"}:
            self._left(leaf, "the stack's own proxy has the certificates")
        else:
            return False
        return True

    def _hint_host(self, host: str, leaf: Leaf) -> None:
        label = host.lower().partition(".")[0]
        if not self._host and _HOST.fullmatch(label):
            self._host = label
            self._hard(leaf, f"the route's host is {label} or, where that is taken, the app's name; behind a guard")
        else:
            self._left(leaf, "an app has one route")

    def _port(self) -> None:
        """The one port of the app; and a route where the file opens it."""
        block = self._block
        published, exposed = ([number for number, _ in found] for found in (self._published, self._exposed))
        image = best_ports(list(self._known.ports)) if self._known else []
        # What is opened to people is the web's; what only other containers see is whatever comes first.
        candidates = [number for number, _ in self._hints] or best_ports(published) or exposed or image
        if not candidates:
            return
        port = candidates[0]
        block["port"] = port
        open_here = bool(self._published or self._host or self._hints)
        web = port not in NO_WEB
        if open_here and web:
            host = self._whole.host(self._host or self._service.app, self._service.app)
            block["route"] = {"host": host, "access": self._whole.choices.access}
            here = [outside for number, node in self._published if number == port for outside in _outside(node)]
            own = self._whole.outside([*here, port])
            if own not in {None, port}:
                block["route"]["port"] = own
        self._ports_said(port, web=web)

    def _ports_said(self, port: int, *, web: bool) -> None:
        """What becomes of each line that names a port."""
        for number, node in self._hints:
            if number == port:
                self._taken(node, "the port that the route leads to")
            else:
                self._left(node, "an app has one port")
        where = "behind the stack's proxy, and not on the host"
        if self._whole.choices.ports is not None:
            where = "for members of the VPN, on this machine on the loopback address, and nowhere else"
        for number, node in self._published:
            if number != port:
                self._left(node, f"an app has one port, and that is {port}")
            elif web:
                way = f"route.access: {self._whole.choices.access} says who may come in"
                self._hard(node, f"port {port} {where}", way)
            else:
                self._hard(node, f"port {port} for those who need the app, and not on the host", "route.access: vpn")
        for number, node in self._exposed:
            if number == port:
                self._taken(node, "for those who need it")
            else:
                self._hard(node, "reached by those who need it, whether it is named or not")

    # How it is.

    def _key_healthcheck(self, node: Node) -> None:
        health: dict[str, Any] = {}
        readers: dict[str, Callable[[Node], None]] = {
            "disable": self._unchecked,
            "test": lambda below: self._test(below, health),
            "interval": lambda below: self._duration("interval", below, health),
            "timeout": lambda below: self._duration("timeout", below, health),
            "start_period": lambda below: self._duration("start", below, health),
            "retries": lambda below: self._retries(below, health),
            "start_interval": lambda below: self._left(below, "probes have one interval"),
        }
        for key, below in items(node).items():
            if key in readers:
                readers[key](below)
        if "command" in health:
            self._block["health"] = health
        elif health:
            self._left(node, "what it asks was not taken; an app's port is looked at")

    def _unchecked(self, node: Node) -> None:
        if isinstance(node, Leaf) and node.true:
            self._left(node, "an app without a check needs a reason: waivers.health")
        else:
            self._taken(node, "a check is made")

    def _retries(self, node: Node, health: dict[str, Any]) -> None:
        if 1 <= (number := whole(said(node))) <= MOST_RETRIES:
            health["retries"] = number
            self._taken(node, "as it is")
        else:
            self._left(node, f"must be from 1 to {MOST_RETRIES}")

    def _test(self, node: Node, health: dict[str, Any]) -> None:
        if isinstance(node, Leaf):
            command = ["sh", "-c", node.text.value] if node.text.value else []
            texts = [node.text]
        else:
            texts = [leaf.text for leaf in listed(node) if isinstance(leaf, Leaf)]
            words = [text.value for text in texts]
            head, rest = (words[0], words[1:]) if words else ("NONE", [])
            if head == "NONE":
                self._left(node, "an app without a check needs a reason: waivers.health")
                return
            command = ["sh", "-c", " ".join(rest)] if head == "CMD-SHELL" else rest if head == "CMD" else words
        joined = Text(tuple(piece for text in texts for piece in (*text.pieces, Piece(" "))))
        if secretive.inside(joined):
            self._left(node, "a secret stands in it, and everybody may read a check")
        elif command and command[0]:
            health["command"] = command
            self._taken(node, "as it is")
        else:
            self._left(node, "it asks nothing")

    def _duration(self, key: str, node: Node, health: dict[str, Any]) -> None:
        time = seconds(said(node))
        if time is None:
            self._left(node, "no time that compose knows")
            return
        most = 600 if key == "timeout" else 3600
        value = min(most, max(0 if key == "start" else 1, round(time)))
        health[key] = value
        self._taken(node, f"{value} s")

    # What nobody said.

    def _defaults(self) -> None:
        """What compose would do where the file is silent, and an app does not."""
        block, keys = self._block, self._service.keys
        if "user" not in keys:
            self._own_user()
        if "read_only" not in keys:
            self._hard(
                None,
                "its own files are read-only; it writes to its volumes and tmpfs alone",
                "read_only: false and .waivers.writable_root: <why>, where it must",
            )
        self._hard(None, "it has no way out to the internet", "internet: true, where it needs one")
        if "memory" not in block:
            self._hard(None, "it has 256 MB of memory, and no swap", "memory: <MB>, where it needs more")
        if self._known:
            self._of_the_image(self._known)
        memory, folders = block.get("memory", _MEMORY), sum(block.get("tmpfs", {}).values())
        if folders >= memory:
            block["memory"] = memory + folders
            self._left(None, f"it has {memory + folders} MB of memory: its folders in memory alone may take {folders}")

    def _own_user(self) -> None:
        uid = self._known.user if self._known else ""
        if USER.fullmatch(uid) and uid.partition(":")[0] != "0":
            self._block["user"] = uid
            self._hard(None, f"it runs as {uid}, its image's own user")
        elif "image" in self._block:
            self._hard(
                None,
                "it runs as 10001, where the image may run as root",
                'user: "0" and .waivers.root: <why it must be root>, where it must',
            )

    def _of_the_image(self, known: Known) -> None:
        paths = {volume["path"] for volume in self._paths()} | set(self._block.get("tmpfs", {}))
        for path in known.volumes:
            if path not in paths and PATH.fullmatch(path):
                self._volume("volume", "", path, set(), None)
        if "health" not in self._block and known.health and "healthcheck" not in self._service.keys:
            self._block["health"] = {"command": list(known.health)}


def _free(path: str) -> bool:
    """Whether something can be mounted at a path."""
    steps = path.split("/")
    own = any(path == folder or path.startswith(f"{folder}/") for folder in _KERNEL)
    return bool(PATH.fullmatch(path)) and not own and not {".", ".."} & set(steps)


def _outside(node: Node) -> tuple[int, ...]:
    """The number that a published port has on the host; none where Docker chooses it."""
    if isinstance(node, dict):
        return port_numbers(said(node.get("published")))
    words = said(node).partition("/")[0].rsplit(":", 2)
    return port_numbers(words[-2]) if len(words) > 1 else ()
