"""`pulumi-language-python` of ours: serves Pulumi's LanguageRuntime protocol, for this interpreter's packages.

Protocol: https://github.com/pulumi/pulumi/blob/v3.255.0/proto/pulumi/language.proto, in the protobufs that the `pulumi`
wheel ships. The engine starts this once per command and reads the port from the first line of standard output.
"""

# ruff: noqa: ARG002, N802  (names and arguments of the methods are the protocol's)

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from toolchain.engine import standins
from toolchain.engine.program import REPORTED
from toolchain.stopping import Stop

RUNNER = Path(__file__).with_name("program.py")
GRPC_OPTIONS = [
    ("grpc.max_receive_message_length", 400 << 20),  # the engine's own limit
    ("grpc.so_reuseport", 0),  # a port of its own, never one shared with another listener
]
PARENT_CHECK = 0.5
"""Seconds between two looks at whether the engine still lives."""
GRACE = 3.0
"""Seconds for a program to end by itself; the engine gives this host five."""


def interpreter(info: Any) -> str:
    """The Python that runs the program: of the `virtualenv` option in Pulumi.yaml where that was made, else this one.

    Pulumi's own host refuses one that is not there. Here the environment is this host's own, from the same
    requirements.lock.
    """
    options = dict(info.options.items()) if info.HasField("options") else {}
    python = Path(info.root_directory, str(options.get("virtualenv") or ""), "bin", "python")
    return str(python) if options.get("virtualenv") and python.is_file() else sys.executable


class Programs:
    """The running program, at most one, ended with this host whatever ends it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, argv: list[str], folder: str, environ: dict[str, str]) -> int | None:
        """Runs a program to its end; its exit code, or None when `stop` ended it."""
        with self._lock:
            if self._stopped:
                return None
            program = subprocess.Popen(argv, cwd=folder, env=environ, stdin=subprocess.DEVNULL)
            self._running.add(program)
        code = program.wait()
        with self._lock:
            self._running.discard(program)
            return None if self._stopped else code

    def stop(self) -> None:
        """Ends the program: first kindly, after `GRACE` seconds for good."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for program in running:
            program.terminate()
        for program in running:
            try:
                program.wait(GRACE)
            except subprocess.TimeoutExpired:
                program.kill()


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """The calls of the engine.

    Args:
        engine: Address of the engine, handed on to programs.
        programs: What it runs.
    """

    def __init__(self, engine: str, programs: Programs) -> None:
        self._engine = engine
        self._programs = programs

    def Handshake(self, request: Any, context: Any) -> Any:
        """Accepts the engine that started this host."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The SDK's version stands for the host's."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """The plugins that the installed SDKs name."""
        packages = [plugin_pb2.PackageDependency(kind="resource", name=p.name, version=p.version) for p in _required()]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        """The same for engines that know no packages."""
        plugins = [plugin_pb2.PluginDependency(kind="resource", name=p.name, version=p.version) for p in _required()]
        return language_pb2.GetRequiredPluginsResponse(plugins=plugins)

    def About(self, request: Any, context: Any) -> Any:
        """The interpreter of the program."""
        version = ".".join(map(str, sys.version_info[:3]))
        return language_pb2.AboutResponse(executable=interpreter(request.info), version=version)

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        """The installed distributions; only those that no other requires, unless all are asked for."""
        installed = {_normal(d.metadata["Name"]): d for d in metadata.distributions()}
        needed: set[str] = set()
        if not request.transitiveDependencies:
            needed = {_normal(r) for d in installed.values() for r in d.requires or ()}
        kept = [d for name, d in sorted(installed.items()) if name not in needed]
        infos = [language_pb2.DependencyInfo(name=d.metadata["Name"], version=d.version) for d in kept]
        return language_pb2.GetProgramDependenciesResponse(dependencies=infos)

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Nothing: the environment is made from requirements.lock, by hash, before the engine runs."""
        yield language_pb2.InstallDependenciesResponse(
            stdout=b"Packages come from requirements.lock; run: make engine\n"
        )

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """No questions."""
        return language_pb2.RuntimeOptionsResponse()

    def Cancel(self, request: Any, context: Any) -> Any:
        """Ends the program; the engine has been interrupted."""
        self._programs.stop()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:
        """Runs the program in a fresh interpreter and says how it ended."""
        info = request.info
        python = interpreter(info)
        settings = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "organization": request.organization,
            "root_directory": info.root_directory,
        }
        environ = os.environ | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        program = str(Path(info.program_directory, info.entry_point))
        argv = [python, "-u", "-P", str(RUNNER), json.dumps(settings), program, *request.args]
        try:
            code = self._programs.run(argv, request.pwd or info.program_directory, environ)
        except OSError as error:
            return language_pb2.RunResponse(error=f"{python}: cannot be run ({error.strerror})\n  fix: make engine")
        if code in {0, None}:
            return language_pb2.RunResponse(bail=code is None)
        if code == REPORTED:
            return language_pb2.RunResponse(bail=True)
        ended = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return language_pb2.RunResponse(error=f"the program ended {ended}")


def _required() -> list[standins.Plugin]:
    return standins.sdk_plugins()


def _normal(requirement: str) -> str:
    """A distribution's name, out of a requirement, in the one spelling that compares."""
    name = requirement.split(";", maxsplit=1)[0].strip()
    for at, letter in enumerate(name):
        if not (letter.isalnum() or letter in "-_."):
            name = name[:at]
            break
    return name.lower().replace("_", "-").replace(".", "-")


def main() -> None:
    """Serves until the engine interrupts, or is gone."""
    engine = sys.argv[-1] if len(sys.argv) > 1 and not sys.argv[-1].startswith("-") else ""
    programs = Programs()
    over = Stop().by_signal(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=GRPC_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(engine, programs), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    parent = os.getppid()
    while not over.wait(PARENT_CHECK) and os.getppid() == parent:
        pass
    programs.stop()
    server.stop(grace=0.5).wait()
    # The pool's threads may still wait for the engine, which waits for this process.
    os._exit(0)
