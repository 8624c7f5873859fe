"""Fields of the command plugin's types, as the official Go structs have them."""

from __future__ import annotations

from typing import Final

from toolchain.plugins.command.infer import Field

_STRING: Final = Field("string")
_TRIGGERS: Final = Field("[]interface {}", replace=True)

_LIFE: Final = {"triggers": _TRIGGERS, "create": _STRING, "update": _STRING, "delete": _STRING}
_LOCAL_BASE: Final = {
    "interpreter": Field("[]string"),
    "dir": _STRING,
    "environment": Field("map[string]string"),
    "stdin": _STRING,
    "logging": _STRING,
    "assetPaths": Field("[]string"),
    "archivePaths": Field("[]string"),
    "addPreviousOutputInEnv": Field("bool"),
}
LOCAL_COMMAND: Final = {**_LIFE, **_LOCAL_BASE}
LOCAL_RUN: Final = {**_LOCAL_BASE, "command": Field("string", required=True)}

_ENDPOINT: Final = {
    "user": Field("string", default="root"),
    "password": Field("string", secret=True),
    "host": Field("string", required=True),
    "port": Field("float64", default=22),
    "privateKey": Field("string", secret=True),
    "privateKeyPassword": Field("string", secret=True),
    "agentSocketPath": _STRING,
    "dialErrorLimit": Field("int", default=10),
    "perDialTimeout": Field("int", default=15),
    "hostKey": _STRING,
}
_CONNECTION: Final = Field(
    "remote.Connection",
    required=True,
    secret=True,
    fields={**_ENDPOINT, "proxy": Field("remote.ProxyConnection", fields=_ENDPOINT)},
)
REMOTE_COMMAND: Final = {
    **_LIFE,
    "stdin": _STRING,
    "logging": _STRING,
    "connection": _CONNECTION,
    "environment": Field("map[string]string"),
    "addPreviousOutputInEnv": Field("bool"),
}
COPY_FILE: Final = {
    "connection": _CONNECTION,
    "triggers": Field("[]interface {}"),
    "localPath": Field("string", required=True),
    "remotePath": Field("string", required=True),
}
COPY_TO_REMOTE: Final = {
    "connection": _CONNECTION,
    "triggers": _TRIGGERS,
    "source": Field("AssetOrArchive", required=True),
    "remotePath": Field("string", required=True),
}
