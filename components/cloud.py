"""The Cloudflare SDK without the nine tenths of it that no stack of ours uses.

``import pulumi_cloudflare`` runs 780 modules and twelve megabytes of input and output classes: 1.2 s and 117 MB where
Python has compiled them before, 5 s and 380 MB where it has not. Here the same files of the same package are loaded,
but only what is asked for: a resource's own module when its class is first named, and of ``_inputs.py`` and
``outputs.py`` the classes of the resources below (each stands in a block under its decorator, as Pulumi's generator
writes them). What the engine is told is the same; tests/unit/components/test_cloud.py compares. Two things of the whole
package are missing: its functions, and the making of its resources out of references, which only components of other
languages ask for. A package that is laid out otherwise is imported whole.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import mmap
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType

_PACKAGE: Final = "pulumi_cloudflare"
_USED: Final = (
    "DnsRecord",
    "ZeroTrustTunnelCloudflared",
    "ZeroTrustTunnelCloudflaredConfig",
    "ZeroTrustAccessApplication",
    "ZeroTrustAccessIdentityProvider",
    "ZeroTrustAccessPolicy",
    "ZeroTrustAccessServiceToken",
)
_BLOCK: Final = re.compile(rb"\n(?=@pulumi\.(?:in|out)put_type\nclass )")
_OURS: Final = re.compile(rb"\n@[^\n]+\nclass ((?:" + "|".join(_USED).encode() + rb")\w*)")
_TYPED: Final = re.compile(rb"\nclass \w+\(TypedDict\)")
_HEAD: Final = b"""
import builtins as _builtins
import pulumi
import pulumi.runtime
from typing import Any, Mapping, Optional, Sequence, Union
from pulumi_cloudflare import %s
"""


class _Part(importlib.machinery.SourceFileLoader):
    """``_inputs`` or ``outputs`` with the classes of the resources in use alone, compiled once: Python caches it.

    Its place is that of a file beside the whole one, which is not there; the name changes with what is taken of it.
    """

    def __init__(self, package: ModuleType, name: str, also: str) -> None:
        self._whole = Path(package.__path__[0]) / f"{name}.py"
        self._head = _HEAD % also.encode()
        mark = hashlib.sha256(b"".join((self._head, _BLOCK.pattern, _OURS.pattern, _TYPED.pattern))).hexdigest()[:12]
        super().__init__(f"{_PACKAGE}.{name}", str(self._whole.with_name(f"{name}_{mark}.py")))

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Those of the whole file: when it changes, its part is compiled again. The size is that of neither."""
        return {**super().path_stats(str(self._whole)), "size": None} if path == self.path else super().path_stats(path)

    def get_data(self, path: str) -> bytes:
        """The text, or what is cached of it.

        Raises:
            ImportError: The whole file has none of the classes: it is not laid out as expected.
        """
        if path != self.path:
            return super().get_data(path)
        with self._whole.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            starts = [match.start() for match in _BLOCK.finditer(text)]
            blocks = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
        ours = {match[1].decode(): _TYPED.split(block)[0] for block in blocks if (match := _OURS.match(block))}
        if not ours:
            raise ImportError(f"{self._whole}: no class of {_USED[0]}")
        return self._head + b"".join(ours.values()) + f"\n__all__ = {list(ours)}\n".encode()

    def source_to_code(self, data: Any, path: Any, **_options: Any) -> CodeType:  # type: ignore[override]  # typeshed's
        """Without its words, which are nine tenths of it."""
        return compile(data, path, "exec", dont_inherit=True, optimize=2)


def _part(package: ModuleType, name: str, also: str) -> None:
    """Loads ``_inputs`` or ``outputs``."""
    loader = _Part(package, name, also)
    spec = importlib.util.spec_from_file_location(loader.name, loader.path, loader=loader)
    if spec is None:
        raise ImportError(loader.path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    loader.exec_module(module)


def _find(name: str) -> Any:
    """A class of the package, out of its own module: ``DnsRecord`` is in ``dns_record``."""
    if name not in (*_USED, "Provider"):
        raise AttributeError(f"{_PACKAGE}.{name} is not loaded: add it to _USED in components/cloud.py")
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return getattr(importlib.import_module(f"{_PACKAGE}.{module}"), name)


def _light() -> Any:
    if _PACKAGE in sys.modules:
        return sys.modules[_PACKAGE]
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return importlib.import_module(_PACKAGE)
    package = ModuleType(_PACKAGE)
    package.__path__, package.__file__ = list(spec.submodule_search_locations), spec.origin
    # PEP 562: Python calls it for a name that the module lacks.
    package.__dict__["__getattr__"] = _find
    sys.modules[_PACKAGE] = package
    try:
        _part(package, "_inputs", "_utilities")
        _part(package, "outputs", "_utilities, outputs")
    except (ImportError, SyntaxError, OSError, ValueError):
        for name in [one for one in sys.modules if one.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
        return importlib.import_module(_PACKAGE)
    return package


cloudflare: Any = _light()
