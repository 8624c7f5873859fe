"""bcrypt with the machine's own libcrypt: no package of the stand-ins has it, and `crypt` leaves in Python 3.13."""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import secrets
import threading
from typing import Final

from toolchain.plugins.base import ProviderError

# The cost that the official plugin uses (golang.org/x/crypto/bcrypt.DefaultCost).
_COST: Final = 10
# bcrypt itself reads no further; Go's implementation refuses more, so the official plugin cuts here.
_LIMIT: Final = 72
_ALPHABET: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_lock = threading.Lock()


@functools.cache
def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("crypt")
    if name is None:
        raise ProviderError("the random stand-in needs libcrypt for bcryptHash: install the package libcrypt1")
    library = ctypes.CDLL(name)
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    library.crypt.restype = ctypes.c_char_p
    return library


def bcrypt_hash(text: str) -> str:
    """The hash of `text` with a fresh salt, in the form `$2a$10$…`."""
    salt = f"$2a${_COST:02d}${_encode(secrets.token_bytes(16))}"
    with _lock:  # crypt(3) answers in a static buffer
        digest: bytes | None = _library().crypt(text.encode()[:_LIMIT], salt.encode())
    if digest is None or not digest.startswith(b"$2a$"):
        raise ProviderError("this machine's libcrypt has no bcrypt: install libxcrypt")
    return digest.decode()


def _encode(data: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 6)
    return "".join(_ALPHABET[int(bits[start : start + 6], 2)] for start in range(0, len(bits), 6))
