"""The command plugin."""

from __future__ import annotations

from typing import Any, Final

from toolchain.plugins.base import CheckFailed, Diff, Props, Provider, ProviderError
from toolchain.plugins.command import fields, infer, local, remote
from toolchain.plugins.command.resource import CommandType

# Written into the provider's inputs by the library that the official plugin is made with.
_LIBRARY: Final = {"__pulumi-go-provider-version": "v1.5.0"}
_JSON: Final[dict[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "float64": {"type": "number"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "[]string": {"type": "array", "items": {"type": "string"}},
    "[]interface {}": {"type": "array", "items": {"$ref": "pulumi.json#/Any"}},
    "map[string]string": {"type": "object", "additionalProperties": {"type": "string"}},
    "AssetOrArchive": {"$ref": "pulumi.json#/Asset"},
}
_OUTPUTS: Final = {"stdout": {"type": "string"}, "stderr": {"type": "string"}}


class CommandProvider(Provider):
    """Stand-in for pulumi-command."""

    name = "command"
    version = "1.2.1"
    accepts_secrets = True
    accepts_resources = True
    accepts_outputs = True

    def __init__(self) -> None:
        super().__init__()
        kinds: dict[str, CommandType] = {
            "command:local:Command": local.LocalCommand(),
            "command:remote:Command": remote.RemoteCommand(),
            "command:remote:CopyFile": remote.CopyFile(),
            "command:remote:CopyToRemote": remote.CopyToRemote(),
        }
        self.resources.update(kinds)

    def check_config(self, urn: str, olds: Props, news: Props) -> Props:
        """The provider has no settings: anything but its own version is refused."""
        unknown = [key for key in news if key not in ("version", "pluginDownloadURL") and not key.startswith("__")]
        if unknown:
            raise CheckFailed(
                [(key, f"Unrecognized field '{key}': the command provider has no settings") for key in unknown]
            )
        return {**news, **_LIBRARY}

    def diff_config(self, urn: str, old_state: Props, old_inputs: Props, news: Props) -> Diff | None:
        """Officially there is none; the engine then compares for itself."""
        raise ProviderError("DiffConfig is not implemented", "UNIMPLEMENTED")

    def invoke(self, token: str, args: Props) -> Props:
        """`command:local:run` is the only function."""
        if token != "command:local:run":  # noqa: S105  (a type token)
            return super().invoke(token, args)
        return local.run(args)

    def close(self) -> None:
        """Ends the connections, which the official plugin too keeps until its own end."""
        remote.hang_up()

    def schema(self) -> Props:
        """Package schema of all types and the function, without descriptions."""
        resources = {token: _schema(kind) for token, kind in self.resources.items() if isinstance(kind, CommandType)}
        inputs = {name: _property(field) for name, field in fields.LOCAL_RUN.items()}
        functions = {
            "command:local:run": {
                "inputs": {"properties": inputs, "required": ["command"]},
                "outputs": {"properties": {**inputs, **_OUTPUTS}, "required": ["command", "stderr", "stdout"]},
            },
        }
        types: dict[str, Any] = {}
        for kind in self.resources.values():
            if isinstance(kind, CommandType):
                for field in kind.fields.values():
                    _collect(field, types)
        return {
            "name": self.name,
            "version": self.version,
            "config": {},
            "provider": {},
            "types": types,
            "resources": resources,
            "functions": functions,
        }


def _type_token(go: str) -> str:
    return "command:" + go.replace(".", ":")


def _property(field: infer.Field) -> dict[str, Any]:
    entry: dict[str, Any] = {"$ref": f"#/types/{_type_token(field.go)}"} if field.fields else dict(_JSON[field.go])
    if field.secret:
        entry["secret"] = True
    if field.replace:
        entry["replaceOnChanges"] = True
    if field.default is not None:
        entry["default"] = field.default
    return entry


def _collect(field: infer.Field, types: dict[str, Any]) -> None:
    if field.fields:
        types[_type_token(field.go)] = {
            "type": "object",
            "properties": {name: _property(inner) for name, inner in field.fields.items()},
            "required": [name for name, inner in field.fields.items() if inner.required],
        }
        for inner in field.fields.values():
            _collect(inner, types)


def _schema(kind: CommandType) -> dict[str, Any]:
    inputs = {name: _property(field) for name, field in kind.fields.items()}
    required = sorted(name for name, field in kind.fields.items() if field.required)
    runs = _OUTPUTS if "create" in kind.fields else {}
    return {
        "properties": {**inputs, **runs},
        "required": sorted([*required, *runs]),
        "inputProperties": inputs,
        "requiredInputs": required,
    }


def provider() -> Provider:
    """A provider to serve."""
    return CommandProvider()
