"""RandomInteger, RandomShuffle and RandomPet."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, ClassVar, Final

from toolchain.plugins.base import ProviderError
from toolchain.plugins.random.attribute import Attribute, RandomType, decoding_error
from toolchain.plugins.random.goseed import GoRandom
from toolchain.plugins.random.words import ADJECTIVES, ADVERBS, ANIMALS

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

_INT64: Final = 1 << 63


class RandomInteger(RandomType):
    """A whole number between two others, both included; with a seed always the same one as the official plugin's."""

    attributes: ClassVar[dict[str, Attribute]] = {
        "keepers": Attribute("object"),
        "max": Attribute("integer", required=True),
        "min": Attribute("integer", required=True),
        "seed": Attribute("string"),
        "id": Attribute("string", input=False, computed=True),
        "result": Attribute("integer", input=False, computed=True),
    }

    def generate(self, plan: Props) -> tuple[str, Props]:
        """A number, from the seed if there is one."""
        low, high, seed = plan["min"], plan["max"], plan.get("seed")
        if high < low:
            raise decoding_error(
                "Create Random Integer Error",
                "The minimum (min) value needs to be smaller than or equal to maximum (max) value.",
            )
        span = high + 1 - low
        value = low + (GoRandom(seed).below(span) if seed else secrets.randbelow(span))
        return str(value), {"id": str(value), "result": value}

    def imported(self, id: str) -> Props:
        """Takes `result,min,max` or `result,min,max,seed`."""
        parts = id.split(",")
        if len(parts) not in (3, 4):
            raise decoding_error(
                "Import Random Integer Error",
                "Invalid import usage: expecting {result},{min},{max} or {result},{min},{max},{seed}",
            )
        names = ("value", "min value", "max value")
        result, low, high = (_integer(text, name) for text, name in zip(parts[:3], names, strict=True))
        state: Props = {"id": parts[0], "keepers": {}, "max": high, "min": low, "result": result}
        return {**state, "seed": parts[3]} if parts[3:] else state


def _integer(text: str, name: str) -> int:
    good = re.fullmatch(r"[+-]?[0-9]+", text) is not None
    if good and -_INT64 <= int(text) < _INT64:
        return int(text)
    reason = "value out of range" if good else "invalid syntax"
    raise decoding_error(
        "Import Random Integer Error",
        f"The {name} supplied could not be parsed as an integer.\n\n"
        f'Original Error: strconv.ParseInt: parsing "{text}": {reason}',
    )


class RandomShuffle(RandomType):
    """A list in another order; with a seed always the same as the official plugin's."""

    attributes: ClassVar[dict[str, Attribute]] = {
        "inputs": Attribute("array", required=True),
        "keepers": Attribute("object"),
        "resultCount": Attribute("integer", terraform="result_count"),
        "seed": Attribute("string"),
        "id": Attribute("string", input=False, computed=True),
        "results": Attribute("array", input=False, computed=True),
    }

    def generate(self, plan: Props) -> tuple[str, Props]:
        """Permutation after permutation until there are enough."""
        inputs, seed = plan["inputs"], plan.get("seed")
        count = plan.get("resultCount") or len(inputs)
        generator = GoRandom(seed) if seed else None
        results: list[object] = []
        while inputs and len(results) < count:
            order = generator.permutation(len(inputs)) if generator else _permutation(len(inputs))
            results += [inputs[index] for index in order]
        return "-", {"id": "-", "results": results[:count]}

    def imported(self, id: str) -> Props:
        """The official type has no import."""
        raise ProviderError(
            "Resource Import Not Implemented: This resource does not support import. Please contact the provider "
            "developer for additional information.",
        )


def _permutation(size: int) -> list[int]:
    order = list(range(size))
    secrets.SystemRandom().shuffle(order)
    return order


class RandomPet(RandomType):
    """A name to remember: adverbs, an adjective and an animal."""

    attributes: ClassVar[dict[str, Attribute]] = {
        "keepers": Attribute("object"),
        "length": Attribute("integer", default=2),
        "prefix": Attribute("string"),
        "separator": Attribute("string", default="-"),
        "id": Attribute("string", input=False, computed=True),
    }

    def generate(self, plan: Props) -> tuple[str, Props]:
        """A name of `length` words; the prefix counts as none."""
        length, separator = plan["length"], plan["separator"]
        words = [secrets.choice(ADVERBS) for _ in range(length - 2)]
        words += [secrets.choice(ADJECTIVES)] if length > 1 else []
        name = separator.join([*words, secrets.choice(ANIMALS)])
        if plan.get("prefix"):
            name = f"{plan['prefix']}{separator}{name}"
        return name, {"id": name}

    def imported(self, id: str) -> Props:
        """The official type has no import."""
        raise ProviderError(
            "Resource Import Not Implemented: This resource does not support import. Please contact the provider "
            "developer for additional information.",
        )
