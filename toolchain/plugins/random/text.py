"""RandomPassword and RandomString."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, ClassVar, Final

from toolchain.plugins.random.attribute import Attribute, RandomType, decoding_error
from toolchain.plugins.random.bcrypt import bcrypt_hash
from toolchain.plugins.values import UNKNOWN

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

_DIGITS: Final = "0123456789"
_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_UPPER: Final = _LOWER.upper()
_SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"
_CLASSES: Final = ("special", "upper", "lower", "numeric")
_MINIMA: Final = {
    "minUpper": "min_upper",
    "minLower": "min_lower",
    "minNumeric": "min_numeric",
    "minSpecial": "min_special",
}

_INPUTS: Final = {
    "keepers": Attribute("object"),
    "length": Attribute("integer", required=True, at_least=1),
    "lower": Attribute("boolean", default=True),
    **{name: Attribute("integer", default=0, terraform=terraform) for name, terraform in _MINIMA.items()},
    "number": Attribute("boolean"),
    "numeric": Attribute("boolean"),
    "overrideSpecial": Attribute("string", terraform="override_special"),
    "special": Attribute("boolean", default=True),
    "upper": Attribute("boolean", default=True),
}


class RandomString(RandomType):
    """A random text of given length and kinds of characters; its own id."""

    attributes: ClassVar[dict[str, Attribute]] = {
        **_INPUTS,
        "id": Attribute("string", input=False, computed=True),
        "result": Attribute("string", input=False, computed=True),
    }

    def failures(self, news: Props) -> list[tuple[str, str]]:
        """The rules between length, the minima and the kinds of characters."""
        problems = []
        if all(news.get(name) is False for name in _CLASSES):
            text = "At least one attribute out of [special,upper,lower,numeric] must be specified as true"
            problems.append(("numeric", f"Invalid Attribute Combination. {text}"))
        minima = [news.get(name) or 0 for name in _MINIMA]
        length = news["length"]
        if UNKNOWN not in minima and length is not UNKNOWN and length < sum(minima):
            text = f"value must be at least sum of {' + '.join(_MINIMA.values())}, got: {length}"
            problems.append(("length", f"Invalid Attribute Value. Attribute length {text}"))
        return problems

    def plan(self, news: Props) -> Props:
        """Keeps the old name `number` and its successor `numeric` the same."""
        number, numeric = news.get("number"), news.get("numeric")
        if number is not None and numeric is not None and number != numeric:
            raise decoding_error(
                "Number and numeric are both configured with different values",
                "Number is deprecated, use numeric instead",
            )
        either = numeric if numeric is not None else number
        both = True if either is None else either
        return {**super().plan(news), "number": both, "numeric": both}

    def generate(self, plan: Props) -> tuple[str, Props]:
        """A text from the system's secure random source."""
        text = random_text(plan)
        return text, {"id": text, "result": text}

    def imported(self, id: str) -> Props:
        """The text itself is the id to import."""
        return {**_imported_inputs(id), "id": id, "result": id}


class RandomPassword(RandomString):
    """The same as a secret, with its bcrypt hash; its id says nothing."""

    attributes: ClassVar[dict[str, Attribute]] = {
        **_INPUTS,
        "bcryptHash": Attribute("string", input=False, computed=True, secret=True),
        "id": Attribute("string", input=False, computed=True),
        "result": Attribute("string", input=False, computed=True, secret=True),
    }

    def generate(self, plan: Props) -> tuple[str, Props]:
        """A password and its hash."""
        text = random_text(plan)
        return "none", {"bcryptHash": bcrypt_hash(text), "id": "none", "result": text}

    def imported(self, id: str) -> Props:
        """The password is the id to import; it does not stay the id."""
        return {**_imported_inputs(id), "bcryptHash": bcrypt_hash(id), "id": "none", "result": id}


def random_text(plan: Props) -> str:
    """Text for complete inputs: the minima first, the rest from all kinds asked for, then shuffled."""
    special = plan.get("overrideSpecial") or _SPECIAL
    kinds = {"upper": _UPPER, "lower": _LOWER, "numeric": _DIGITS, "special": special}
    letters = [
        secrets.choice(alphabet) for name, alphabet in kinds.items() for _ in range(plan[f"min{name.capitalize()}"])
    ]
    anything = "".join(alphabet for name, alphabet in kinds.items() if plan[name])
    letters += [secrets.choice(anything) for _ in range(plan["length"] - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def _imported_inputs(text: str) -> Props:
    kinds = dict.fromkeys(("special", "upper", "lower", "number", "numeric"), True)
    return {"length": len(text.encode()), **kinds, **dict.fromkeys(_MINIMA, 0)}
