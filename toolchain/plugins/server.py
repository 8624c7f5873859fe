"""The ResourceProvider protocol over gRPC, on behalf of one `Provider`."""

# ruff: noqa: D102, N802  (names and arguments of the methods are the protocol's)

from __future__ import annotations

import json
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from toolchain.plugins.base import CheckFailed, Diff, Props, Provider, ProviderError, ResourceType, plain
from toolchain.plugins.calls import Runner, guarded, refuse
from toolchain.plugins.codec import decode, encode
from toolchain.plugins.host import GRPC_OPTIONS, EngineHost

if TYPE_CHECKING:
    from collections.abc import Callable

# The engine starts at most four operations a core at once by default, and users raise it; threads that wait cost
# little.
WORKERS: Final = 128
_ResourceCall = Any  # any request that carries a URN; the protocol has no common base message


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates requests to calls of `provider` and its resource types.

    Args:
        provider: What to serve.
        host: Where log lines go.
    """

    def __init__(self, provider: Provider, host: EngineHost) -> None:
        self.provider = provider
        self.host = host
        self.runner = Runner(host)

    def _props(self, struct: Any) -> Props:
        props = decode(struct)
        return props if self.provider.accepts_secrets else dict(plain(props))

    def _type(self, request: _ResourceCall) -> ResourceType:
        token = request.type or request.urn.split("::")[2].rsplit("$", 1)[-1]
        try:
            return self.provider.resources[token]
        except KeyError:
            raise ProviderError(
                f"unknown resource type {token!r}: the {self.provider.name} stand-in {self.provider.version} has "
                f"{', '.join(sorted(self.provider.resources)) or 'none'}",
                "NOT_FOUND",
            ) from None

    @guarded
    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.host.attach(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=self.provider.accepts_secrets,
            accept_resources=self.provider.accepts_resources,
            accept_outputs=self.provider.accepts_outputs,
            supports_autonaming_configuration=self.provider.autonaming,
        )

    @guarded
    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.host.attach(request.address)
        return empty_pb2.Empty()

    @guarded
    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version=self.provider.version)

    @guarded
    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(self.provider.schema()))

    @guarded
    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.runner.cancel()
        return empty_pb2.Empty()

    @guarded
    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self._checked(
            request,
            lambda olds, news: self.provider.check_config(request.urn, olds, news),
        )

    @guarded
    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        olds, inputs, news = (self._props(part) for part in (request.olds, request.old_inputs, request.news))
        diff = self.provider.diff_config(request.urn, olds, inputs, news)
        return provider_pb2.DiffResponse() if diff is None else diff_response(diff)

    @guarded
    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        # Deliberately unwrapped: settings are used at once and never echoed.
        self.provider.configure(dict(plain(decode(request.args))))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=self.provider.accepts_secrets,
            supportsPreview=self.provider.supports_preview,
            acceptResources=self.provider.accepts_resources,
            acceptOutputs=self.provider.accepts_outputs,
            supports_autonaming_configuration=self.provider.autonaming,
        )

    @guarded
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        args = self._props(request.args)
        try:
            result = self.runner.run("", (), lambda: self.provider.invoke(request.tok, args))
        except CheckFailed as refused:
            return provider_pb2.InvokeResponse(failures=_failures(refused))
        return provider_pb2.InvokeResponse(**{"return": encode(result)})

    @guarded
    def Call(self, request: Any, context: grpc.ServicerContext) -> Any:
        raise ProviderError(f"unknown method {request.tok!r} in the {self.provider.name} stand-in", "NOT_FOUND")

    @guarded
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = self._type(request)
        return self._checked(
            request,
            lambda olds, news: kind.check(request.urn, olds, news, bytes(request.randomSeed)),
        )

    def _checked(self, request: Any, check: Callable[[Props, Props], Props]) -> Any:
        olds, news = self._props(request.olds), self._props(request.news)
        try:
            return provider_pb2.CheckResponse(
                inputs=encode(self.runner.run(request.urn, (), lambda: check(olds, news))),
            )
        except CheckFailed as refused:
            inputs = None if refused.inputs is None else encode(refused.inputs)
            return provider_pb2.CheckResponse(inputs=inputs, failures=_failures(refused))

    @guarded
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = self._type(request)
        olds, inputs, news = (self._props(part) for part in (request.olds, request.old_inputs, request.news))
        return diff_response(
            self.runner.run(
                request.urn,
                request.ignoreChanges,
                lambda: kind.diff(request.urn, request.id, olds, inputs, news),
            ),
        )

    @guarded
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, news = self._type(request), self._props(request.properties)
        resource_id, state = self.runner.run(
            request.urn,
            (),
            lambda: kind.create(request.urn, news, preview=request.preview, timeout=request.timeout),
        )
        return provider_pb2.CreateResponse(id=resource_id, properties=encode(state))

    @guarded
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = self._type(request)
        state, inputs = self._props(request.properties), self._props(request.inputs)
        answer = self.runner.run(
            request.urn,
            (),
            lambda: kind.read(request.urn, request.id, state, inputs),
        )
        if answer is None:
            return provider_pb2.ReadResponse()
        resource_id, now, inputs = answer
        return provider_pb2.ReadResponse(id=resource_id, properties=encode(now), inputs=encode(inputs))

    @guarded
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = self._type(request)
        olds, inputs, news = (self._props(part) for part in (request.olds, request.old_inputs, request.news))
        state = self.runner.run(
            request.urn,
            request.ignoreChanges,
            lambda: kind.update(
                request.urn,
                request.id,
                olds,
                inputs,
                news,
                preview=request.preview,
                timeout=request.timeout,
            ),
        )
        return provider_pb2.UpdateResponse(properties=encode(state))

    @guarded
    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, state = self._type(request), self._props(request.properties)
        self.runner.run(
            request.urn,
            (),
            lambda: kind.delete(request.urn, request.id, state, timeout=request.timeout),
        )
        return empty_pb2.Empty()


def _failures(refused: CheckFailed) -> list[Any]:
    return [provider_pb2.CheckFailure(property=prop, reason=reason) for prop, reason in refused.failures]


def diff_response(diff: Diff) -> Any:
    """The protobuf of a `Diff`."""
    response = provider_pb2.DiffResponse(
        replaces=list(diff.replaces),
        stables=list(diff.stables),
        deleteBeforeReplace=diff.delete_before_replace,
        changes=provider_pb2.DiffResponse.DIFF_SOME if diff.changes else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=list(diff.diffs),
        hasDetailedDiff=bool(diff.detailed) if diff.has_detailed is None else diff.has_detailed,
    )
    for path, kind in diff.detailed.items():
        response.detailedDiff[path].kind = provider_pb2.PropertyDiff.Kind.Value(kind)
        response.detailedDiff[path].inputDiff = path in diff.input_diffs
    return response


@dataclass(frozen=True, slots=True)
class Running:
    """A plugin that is being served."""

    port: int
    server: grpc.Server
    cancel: Callable[[], None]


def serve(provider: Provider, host: EngineHost) -> Running:
    """Serves `provider` on a free port of the loopback address."""
    server = grpc.server(futures.ThreadPoolExecutor(WORKERS, provider.name), options=GRPC_OPTIONS)
    servicer = Servicer(provider, host)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    if not port:
        raise refuse(f"the {provider.name} stand-in found no free port on 127.0.0.1")
    server.start()
    return Running(port, server, servicer.runner.cancel)
