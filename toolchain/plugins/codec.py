"""Property values to and from the protobuf `Struct` of the plugin protocol.

Signatures and shapes are those of Pulumi's SDK (`sdk/go/common/resource`): an object with the signature key is no
object but a secret, an asset, an archive, a resource reference or an output value; an unknown value is a reserved
string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

from toolchain.plugins.values import UNKNOWN, Archive, Asset, Props, ResourceRef, Secret, Value

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNATURE: Final[str] = rpc._special_sig_key  # noqa: SLF001  (the SDK names it nowhere else)
SECRET: Final[str] = rpc._special_secret_sig  # noqa: SLF001
ASSET: Final[str] = rpc._special_asset_sig  # noqa: SLF001
ARCHIVE: Final[str] = rpc._special_archive_sig  # noqa: SLF001
RESOURCE: Final[str] = rpc._special_resource_sig  # noqa: SLF001
OUTPUT: Final[str] = rpc._special_output_value_sig  # noqa: SLF001
UNKNOWN_BOOL: Final = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"
UNKNOWN_NUMBER: Final = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_ARRAY: Final = "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"
UNKNOWN_ASSET: Final = "030794c1-ac77-496b-92df-f27374a8bd58"
UNKNOWN_ARCHIVE: Final = "e48ece36-62e2-4504-bad9-02848725956a"
UNKNOWN_OBJECT: Final = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"
UNKNOWNS: Final = frozenset(
    {
        UNKNOWN_BOOL,
        UNKNOWN_NUMBER,
        UNKNOWN_STRING,
        UNKNOWN_ARRAY,
        UNKNOWN_ASSET,
        UNKNOWN_ARCHIVE,
        UNKNOWN_OBJECT,
    }
)


def decode(struct: struct_pb2.Struct) -> Props:
    """The properties of a request."""
    return {key: from_wire(_plain_json(value)) for key, value in struct.fields.items()}


def encode(props: Props) -> struct_pb2.Struct:
    """The properties of an answer."""
    struct = struct_pb2.Struct()
    struct.update(to_wire(props))
    return struct


def from_wire(value: Any) -> Value:
    """A value out of its JSON shape; fails with ValueError for a signature that nobody knows."""
    if isinstance(value, list):
        return [from_wire(item) for item in value]
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWNS else value
    if not isinstance(value, dict):
        return value
    signature = value.get(SIGNATURE)
    if signature is None:
        return {key: from_wire(item) for key, item in value.items()}
    if signature not in _DECODERS:
        raise ValueError(f"unknown property signature {signature!r}")
    return _DECODERS[signature](value)


def to_wire(value: Value) -> Any:
    """A value in its JSON shape."""
    if isinstance(value, dict):
        return {key: to_wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_wire(item) for item in value]
    if isinstance(value, Secret | Asset | Archive | ResourceRef):
        return _signed(value)
    return UNKNOWN_STRING if value is UNKNOWN else value


def _signed(value: Secret | Asset | Archive | ResourceRef) -> dict[str, Any]:
    if isinstance(value, Secret):
        return {SIGNATURE: SECRET, "value": to_wire(value.value)}
    if isinstance(value, ResourceRef):
        return {SIGNATURE: RESOURCE, "urn": value.urn, "id": to_wire(value.id), "packageVersion": value.version}
    members = {"path": value.path, "uri": value.uri, "hash": value.hash or None}
    if isinstance(value, Asset):
        members["text"] = value.text
    present: dict[str, Any] = {key: item for key, item in members.items() if item is not None}
    if isinstance(value, Archive) and value.assets is not None:
        present["assets"] = {key: to_wire(item) for key, item in value.assets.items()}
    return {SIGNATURE: ASSET if isinstance(value, Asset) else ARCHIVE, **present}


def _plain_json(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {key: _plain_json(item) for key, item in value.struct_value.fields.items()}
    if kind == "list_value":
        return [_plain_json(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return None if kind in (None, "null_value") else getattr(value, kind)


def _asset(value: dict[str, Any]) -> Asset:
    path, uri, text = value.get("path") or None, value.get("uri") or None, value.get("text")
    # An empty text is a legal asset; an empty path or uri only means "not of this kind".
    return Asset(text=None if path or uri else text, path=path, uri=uri, hash=value.get("hash", ""))


def _archive(value: dict[str, Any]) -> Archive:
    assets = value.get("assets")
    return Archive(
        assets=None if assets is None else {key: from_wire(item) for key, item in assets.items()},
        path=value.get("path") or None,
        uri=value.get("uri") or None,
        hash=value.get("hash", ""),
    )


def _output(value: dict[str, Any]) -> Value:
    known = from_wire(value["value"]) if "value" in value else UNKNOWN
    return Secret(known) if value.get("secret") else known


_DECODERS: Final[dict[str, Callable[[dict[str, Any]], Value]]] = {
    SECRET: lambda value: Secret(from_wire(value.get("value"))),
    ASSET: _asset,
    ARCHIVE: _archive,
    RESOURCE: lambda value: ResourceRef(value["urn"], from_wire(value.get("id")), value.get("packageVersion", "")),
    OUTPUT: _output,
}
