"""What differs from run to run in the answers of the random plugin."""

from __future__ import annotations

import re
from typing import Any

from tests.rehearsal.conformance.normalise import Rules

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
BASE64 = r"[A-Za-z0-9+/]+={0,2}"


def alike(recorded: Any, actual: Any) -> bool:
    """Same length, and no kind of character that the recorded text has none of."""
    kinds = [kind for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]") if re.search(kind, recorded)]
    return len(recorded) == len(actual) and all(re.match("|".join(kinds), letter) for letter in actual)


def same_members(recorded: Any, actual: Any) -> bool:
    """A single member of a shuffled list: any text will do, the whole list is compared in its own test."""
    return isinstance(recorded, str) and isinstance(actual, str)


def words(recorded: Any, actual: Any) -> bool:
    """As many words, with the same separators."""
    return re.sub("[a-z]+", "w", recorded) == re.sub("[a-z]+", "w", actual)


RULES = Rules(
    volatile={
        "random:index/randomPassword:RandomPassword": {"result": alike, "bcryptHash": r"\$2a\$10\$[./A-Za-z0-9]{53}"},
        "random:index/randomString:RandomString": {"result": alike, "id": alike},
        "random:index/randomBytes:RandomBytes": {"base64": BASE64, "id": BASE64, "hex": "[0-9a-f]+"},
        "random:index/randomId:RandomId": {
            "id": "[A-Za-z0-9_-]+",
            "b64Std": r".*[A-Za-z0-9+/]+={0,2}",
            "b64Url": ".*[A-Za-z0-9_-]+",
            "hex": ".*[0-9a-f]+",
            "dec": ".*[0-9]+",
        },
        "random:index/randomInteger:RandomInteger": {"id": "-?[0-9]+", "result": "-?[0-9]+"},
        "random:index/randomPet:RandomPet": {"id": words},
        "random:index/randomShuffle:RandomShuffle": {"results.*": same_members},
        "random:index/randomUuid:RandomUuid": {"id": UUID, "result": UUID},
        "random:index/randomUuid4:RandomUuid4": {"id": UUID4, "result": UUID4},
        "random:index/randomUuid7:RandomUuid7": {"id": UUID7, "result": UUID7},
    },
)
