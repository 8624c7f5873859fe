"""The same question is not paid twice: an exact match in Redis, before LiteLLM's semantic cache in Qdrant.

LiteLLM takes one kind of cache. The semantic one pays for an embedding at every look, and may answer what was asked in
other words; who asks word for word again is answered from Redis, free of charge. LiteLLM 1.108.7 gives both the same
key: of the model, its parameters, and whose key it is, without the words.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import litellm
from litellm.caching.qdrant_semantic_cache import QdrantSemanticCache
from redis.exceptions import RedisError

_WORDS: Final = ("messages", "prompt", "input")
_KEPT: Final = 86_400
"""Seconds for which an answer is kept where nobody says for how long."""
_AWAY: Final = (RedisError, OSError, TimeoutError)


class ExactFirst:
    """Stands in the semantic cache's place; what it does not do itself the semantic cache does.

    Args:
        semantic: LiteLLM's.
        client: Of Redis, asynchronous.
        prefix: Of the keys.
    """

    def __init__(self, semantic: Any, client: Any, prefix: str) -> None:
        self._semantic, self._client, self._prefix = semantic, client, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._semantic, name)

    def _name(self, key: str, kwargs: dict[str, Any]) -> str:
        words = json.dumps([key, *(kwargs.get(name) for name in _WORDS)], default=str, sort_keys=True)
        return f"{self._prefix}:cache:{hashlib.sha256(words.encode()).hexdigest()}"

    async def async_get_cache(self, key: str, **kwargs: Any) -> Any:
        """The answer to the same words, else to similar ones."""
        try:
            kept = await self._client.get(self._name(key, kwargs))
        except _AWAY:
            kept = None
        return json.loads(kept) if kept else await self._semantic.async_get_cache(key, **kwargs)

    async def async_set_cache(self, key: str, value: Any, **kwargs: Any) -> None:
        """Keeps an answer for both."""
        try:
            await self._client.set(self._name(key, kwargs), json.dumps(value), ex=int(kwargs.get("ttl") or _KEPT))
        except (*_AWAY, TypeError, ValueError):
            # It is kept for who asks in other words at least.
            pass
        await self._semantic.async_set_cache(key, value, **kwargs)


def stand_before_semantic_cache(client: Any, prefix: str) -> None:
    """Puts the exact match before LiteLLM's semantic cache, where it has one and nothing stands there yet."""
    cache = litellm.cache
    if cache is not None and isinstance(cache.cache, QdrantSemanticCache):
        cache.cache = ExactFirst(cache.cache, client, prefix)
