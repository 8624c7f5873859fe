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

import importlib
import importlib.util
import mmap
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

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


def _part(package: ModuleType, name: str, also: str) -> None:
    """Loads ``_inputs`` or ``outputs`` with the classes of the resources in use alone.

    Raises:
        ImportError: The file has none of them: it is not laid out as expected.
    """
    path = Path(package.__path__[0]) / f"{name}.py"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        starts = [match.start() for match in _BLOCK.finditer(text)]
        blocks = [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    ours = {match[1].decode(): _TYPED.split(block)[0] for block in blocks if (match := _OURS.match(block))}
    if not ours:
        raise ImportError(f"{path}: no class of {_USED[0]}")
    module = ModuleType(f"{_PACKAGE}.{name}")
    module.__package__, module.__file__ = _PACKAGE, str(path)
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    code = compile(_HEAD % also.encode() + b"".join(ours.values()), str(path), "exec", dont_inherit=True, optimize=2)
    exec(code, module.__dict__)  # noqa: S102  # the installed SDK's own text
    module.__dict__["__all__"] = list(ours)


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
