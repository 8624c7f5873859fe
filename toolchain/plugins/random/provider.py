"""The random plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from toolchain.plugins.base import CheckFailed, Props, Provider
from toolchain.plugins.random.binary import RandomBytes, RandomId, RandomUuid, RandomUuid4, RandomUuid7
from toolchain.plugins.random.sequence import RandomInteger, RandomPet, RandomShuffle
from toolchain.plugins.random.text import RandomPassword, RandomString

if TYPE_CHECKING:
    from toolchain.plugins.random.attribute import RandomType

_TYPES: Final[tuple[type[RandomType], ...]] = (
    RandomBytes,
    RandomId,
    RandomInteger,
    RandomPassword,
    RandomPet,
    RandomShuffle,
    RandomString,
    RandomUuid,
    RandomUuid4,
    RandomUuid7,
)


class RandomProvider(Provider):
    """Stand-in for pulumi-random."""

    name = "random"
    version = "4.21.4"

    def __init__(self) -> None:
        super().__init__()
        for kind in _TYPES:
            self.resources[_token(kind)] = kind()

    def check_config(self, urn: str, olds: Props, news: Props) -> Props:
        """The provider has no settings: anything but its own version is refused."""
        unknown = [key for key in news if key not in ("version", "pluginDownloadURL") and not key.startswith("__")]
        if unknown:
            prefix = "could not validate provider configuration: Invalid or unknown key."
            name = urn.rsplit("::", 1)[-1]
            raise CheckFailed([("", f"{prefix} Examine values at '{name}.{key}'.") for key in unknown], news)
        return news

    def schema(self) -> Props:
        """Package schema of all types, without descriptions."""
        resources = {_token(kind): _schema(kind) for kind in _TYPES}
        return {"name": self.name, "version": self.version, "config": {}, "provider": {}, "resources": resources}


def _token(kind: type[RandomType]) -> str:
    name = kind.__name__
    return f"random:index/{name[0].lower()}{name[1:]}:{name}"


def _schema(kind: type[RandomType]) -> dict[str, Any]:
    visible = {name: attribute for name, attribute in kind.attributes.items() if name != "id"}
    known = [name for name, a in visible.items() if a.computed or a.required or a.default is not None]
    return {
        "properties": {name: attribute.schema() for name, attribute in visible.items()},
        "required": sorted({*known, *({"number", "numeric"} & visible.keys())}),
        "inputProperties": {name: attribute.schema() for name, attribute in visible.items() if attribute.input},
        "requiredInputs": sorted(name for name, attribute in visible.items() if attribute.required),
    }


def provider() -> Provider:
    """A provider to serve."""
    return RandomProvider()
