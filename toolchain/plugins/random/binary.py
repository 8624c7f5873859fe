"""RandomBytes, RandomId and the three kinds of UUID."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
import uuid
from typing import TYPE_CHECKING, ClassVar, Final

from toolchain.plugins.random.attribute import Attribute, RandomType, decoding_error

if TYPE_CHECKING:
    from toolchain.plugins.base import Props

_RETRY: Final = (
    "Retry the Terraform operation. If the error still occurs or happens regularly, please contact the provider "
    "developer with hardware and operating system information.\n\n"
)


class RandomBytes(RandomType):
    """Random bytes as a secret; the id is their base64 form, as the official plugin has it."""

    strict_keepers = True

    attributes: ClassVar[dict[str, Attribute]] = {
        "keepers": Attribute("object"),
        "length": Attribute("integer", required=True, at_least=1),
        "base64": Attribute("string", input=False, computed=True, secret=True),
        "hex": Attribute("string", input=False, computed=True, secret=True),
    }

    def generate(self, plan: Props) -> tuple[str, Props]:
        """Bytes from the system's secure random source."""
        values = _spelt(secrets.token_bytes(plan["length"]))
        return values["base64"], values

    def imported(self, id: str) -> Props:
        """Takes the base64 form."""
        try:
            data = base64.b64decode(id, validate=True)
        except binascii.Error as error:
            raise decoding_error(
                "Import Random bytes Error",
                f"There was an error during the parsing of the base64 string.\n\n{_RETRY}Original Error: {error}",
            ) from error
        return {"length": len(data), **_spelt(data)}

    def read(self, urn: str, id: str, state: Props, inputs: Props) -> tuple[str, Props, Props] | None:
        """As for all random types; the state holds no id of its own."""
        answer = super().read(urn, id, state, inputs)
        return answer if answer is None or state else (str(self.imported(id)["base64"]), answer[1], answer[2])


def _spelt(data: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode(), "hex": data.hex()}


class RandomId(RandomType):
    """Random bytes in four spellings, each with the prefix; the id has none."""

    attributes: ClassVar[dict[str, Attribute]] = {
        "keepers": Attribute("object"),
        "byteLength": Attribute("integer", required=True, terraform="byte_length"),
        "prefix": Attribute("string"),
        **{name: Attribute("string", input=False, computed=True) for name in ("b64Std", "b64Url", "dec", "hex", "id")},
    }

    def generate(self, plan: Props) -> tuple[str, Props]:
        """Bytes from the system's secure random source."""
        values = self._spellings(secrets.token_bytes(plan["byteLength"]), plan.get("prefix", ""))
        return values["id"], values

    def imported(self, id: str) -> Props:
        """Takes the URL-safe base64 form, after a prefix and a comma if there is one."""
        prefix, _, text = id.rpartition(",")
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise decoding_error(
                "Import Random ID Error",
                "While attempting to import a random id there was a decoding error.\n\n"
                f"+{_RETRY}Original Error: {error}",
            ) from error
        state: Props = {"byteLength": len(data), "keepers": {}, **self._spellings(data, prefix)}
        return {**state, "prefix": prefix} if prefix else state

    @staticmethod
    def _spellings(data: bytes, prefix: str) -> dict[str, str]:
        url = base64.urlsafe_b64encode(data).decode().rstrip("=")
        return {
            "b64Std": prefix + base64.b64encode(data).decode(),
            "b64Url": prefix + url,
            "dec": prefix + str(int.from_bytes(data, "big")),
            "hex": prefix + data.hex(),
            "id": url,
        }


class RandomUuid(RandomType):
    """A UUID without a version: sixteen random bytes, as the official plugin's own library makes them."""

    attributes: ClassVar[dict[str, Attribute]] = {
        "keepers": Attribute("object"),
        "id": Attribute("string", input=False, computed=True),
        "result": Attribute("string", input=False, computed=True),
    }

    def new(self) -> uuid.UUID:
        """A new value."""
        return uuid.UUID(bytes=secrets.token_bytes(16))

    def generate(self, plan: Props) -> tuple[str, Props]:
        """A new value, as id and as result."""
        value = str(self.new())
        return value, {"id": value, "result": value}

    def imported(self, id: str) -> Props:
        """Takes any UUID."""
        try:
            parsed = str(uuid.UUID(id))
        except ValueError as error:
            raise decoding_error(
                "Import Random UUID Error",
                f"There was an error during the parsing of the UUID.\n\n{_RETRY}Original Error: {error}",
            ) from error
        return {"id": parsed, "result": parsed}


class RandomUuid4(RandomUuid):
    """A UUID of version 4."""

    def new(self) -> uuid.UUID:
        """A new value."""
        return uuid.UUID(bytes=secrets.token_bytes(16), version=4)


class RandomUuid7(RandomUuid):
    """A UUID of version 7 (RFC 9562): milliseconds since 1970, then random bits."""

    def new(self) -> uuid.UUID:
        """A new value."""
        stamp = (time.time_ns() // 1_000_000).to_bytes(6, "big")
        number = int.from_bytes(stamp + secrets.token_bytes(10), "big")
        number = number & ~(0xF << 76) | 0x7 << 76
        return uuid.UUID(int=number & ~(0x3 << 62) | 0x2 << 62)
