"""Stands in for the layer that writes files on hosts, in programs that test the layers above it without a host."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Any

import pulumi


@dataclass(frozen=True, kw_only=True)
class HostFilesArgs:
    """As components.host_unit's."""

    host: Any
    files: Any
    values: Any
    apply: str
    remove: str
    guard: int
    after: Any
    also: Any = ()
    units: Any = ()


class HostFiles(pulumi.ComponentResource):
    """Nothing on no host; a subclass may write the files elsewhere, or show what it was asked for."""

    def __init__(self, name: str, args: HostFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:host:HostFiles", name, self.inputs(args), opts)
        self.ready = self.written(name, args)
        self.register_outputs({})

    def inputs(self, _args: HostFilesArgs) -> dict[str, Any] | None:
        """What the component shows of itself."""
        return None

    def written(self, _name: str, _args: HostFilesArgs) -> pulumi.Resource:
        """What exists once the files are there."""
        return self


def install(kind: type[HostFiles] = HostFiles) -> None:
    """Has components import this in place of `components.host_unit`; before the first of them is imported."""
    module = types.ModuleType("components.host_unit")
    module.HostFilesArgs, module.HostFiles = HostFilesArgs, kind
    sys.modules[module.__name__] = module
