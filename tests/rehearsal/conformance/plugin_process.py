"""A plugin under test: our stand-in or the official binary, started and called as the engine does it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

ROOT = Path(__file__).resolve().parents[3]
LIMIT = 400 * 1024 * 1024
OPTIONS = [("grpc.max_send_message_length", LIMIT), ("grpc.max_receive_message_length", LIMIT)]
PATIENCE = 180.0

REQUESTS = {
    "CheckConfig": pb.CheckRequest,
    "DiffConfig": pb.DiffRequest,
    "Configure": pb.ConfigureRequest,
    "Check": pb.CheckRequest,
    "Diff": pb.DiffRequest,
    "Create": pb.CreateRequest,
    "Read": pb.ReadRequest,
    "Update": pb.UpdateRequest,
    "Delete": pb.DeleteRequest,
    "Invoke": pb.InvokeRequest,
}


@dataclass(frozen=True)
class Answer:
    """What a plugin answered.

    Attributes:
        response: The message as proto3 JSON, None after an error.
        code: Go's name of the status code, "OK" without an error.
        error: The status text.
        partial: The `ErrorResourceInitFailed` detail as proto3 JSON, if there was one.
    """

    response: dict[str, Any] | None
    code: str = "OK"
    error: str = ""
    partial: dict[str, Any] | None = None


def official(package: str, version: str) -> Path | None:
    """The official plugin's binary where it is installed: HOMEPORT_CONFORM_PLUGIN_<NAME> or the CLI's own folder."""
    named = os.environ.get(f"HOMEPORT_CONFORM_PLUGIN_{package.upper()}")
    if named:
        return Path(named)
    home = Path(os.environ.get("PULUMI_HOME", Path.home() / ".pulumi"))
    binary = home / "plugins" / f"resource-{package}-v{version}" / f"pulumi-resource-{package}"
    # A stand-in installed under the official name is a script; the official plugins are ELF binaries.
    return binary if binary.is_file() and binary.read_bytes()[:4] == b"\x7fELF" else None


class PluginProcess:
    """A running plugin.

    Args:
        command: Its argument list; the port is the first line it prints.
        engine: Address of an engine to log to, empty for none.
        env: Its environment, that of the test when None.
    """

    def __init__(self, command: list[str], engine: str = "", env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*command, *([engine] if engine else [])],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=env,
            text=True,
        )
        line = self.process.stdout.readline().strip()
        assert line.isdigit(), f"{command} printed {line!r} where the engine expects a port"
        self.port = int(line)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=OPTIONS)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    @classmethod
    def stand_in(cls, package: str, engine: str = "", env: dict[str, str] | None = None) -> PluginProcess:
        """Our plugin of that name."""
        return cls([sys.executable, "-m", "toolchain.plugins", package], engine, env)

    def handshake(self, engine: str = "") -> pb.ProviderHandshakeResponse:
        """The engine's first call."""
        request = pb.ProviderHandshakeRequest(engine_address=engine, configure_with_urn=True, invoke_with_preview=True)
        return self.stub.Handshake(request, timeout=PATIENCE)

    def configure(self, args: dict[str, Any]) -> Answer:
        """Configures the plugin as the engine does after CheckConfig."""
        return self.call(
            "Configure",
            {
                "args": args,
                "acceptSecrets": True,
                "acceptResources": True,
                "sendsOldInputs": True,
                "sendsOldInputsToDelete": True,
            },
        )

    def call(self, method: str, request: dict[str, Any]) -> Answer:
        """One call, given and answered as proto3 JSON."""
        message = json_format.ParseDict(request, REQUESTS[method]())
        try:
            response = getattr(self.stub, method)(message, timeout=PATIENCE)
        except grpc.RpcError as problem:
            code = "".join(word.capitalize() for word in problem.code().name.split("_"))
            return Answer(None, code, problem.details() or "", _partial(problem))
        return Answer(json_format.MessageToDict(response))

    def stop(self) -> int:
        """Ends the plugin as the engine does, with SIGINT; its exit status."""
        self.channel.close()
        self.process.terminate()
        try:
            # Tells only what never ends: this computer may be starting a dozen containers.
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.stdout.close()


def _partial(problem: grpc.RpcError) -> dict[str, Any] | None:
    for key, value in problem.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                failed = pb.ErrorResourceInitFailed()
                if detail.Unpack(failed):
                    return json_format.MessageToDict(failed)
    return None


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """A protobuf struct of plain JSON values."""
    message = struct_pb2.Struct()
    message.update(values)
    return message
