"""Plugins and servers that the tests of the stand-ins share."""

from __future__ import annotations

from concurrent import futures

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from tests.rehearsal.conformance import ssh_machine as rented
from tests.rehearsal.conformance.busybox_image import BusyboxImage
from tests.rehearsal.conformance.plugin_process import PluginProcess
from tests.rehearsal.conformance.sshd import SshServer, absence


class Engine(engine_pb2_grpc.EngineServicer):
    """An engine that remembers what it was told to show."""

    def __init__(self) -> None:
        self.lines: list[engine_pb2.LogRequest] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request, context):  # noqa: N802, ARG002
        self.lines.append(request)
        return empty_pb2.Empty()

    def stop(self) -> None:
        self._server.stop(0).wait()


@pytest.fixture()
def engine():
    running = Engine()
    yield running
    running.stop()


def _plugin(name):
    running = PluginProcess.stand_in(name)
    running.handshake()
    running.configure({})
    return running


@pytest.fixture(scope="module")
def random_plugin():
    running = _plugin("random")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def command_plugin():
    running = _plugin("command")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def ssh_server(tmp_path_factory):
    if absence():
        pytest.skip(absence())
    running = SshServer(tmp_path_factory.mktemp("sshd"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def machine(tmp_path_factory):
    """A rented server, the same for all tests that reach one over SSH; it has the image of the recordings."""
    running = rented.Rented(tmp_path_factory.mktemp("machine"))
    try:
        BusyboxImage(run=running.docker).make()
        yield running
    finally:
        running.remove()
