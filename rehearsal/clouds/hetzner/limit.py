"""The rate limit: a bucket that fills steadily, as https://docs.hetzner.cloud describes ("Rate Limiting")."""

from __future__ import annotations

import threading
import time


class RateLimit:
    """One bucket for the project.

    Args:
        per_hour: Its size, and how many requests come back in an hour.
    """

    def __init__(self, per_hour: int = 3600) -> None:
        self._lock = threading.Lock()
        self.per_hour, self._left, self._at = per_hour, float(per_hour), time.monotonic()

    def take(self) -> bool:
        """Whether one more request is allowed."""
        with self._lock:
            self._fill()
            allowed = self._left >= 1
            if allowed:
                self._left -= 1
            return allowed

    def empty(self) -> None:
        """Uses up all that is left."""
        with self._lock:
            self._fill()
            self._left = 0.0

    def _fill(self) -> None:
        now = time.monotonic()
        self._left = min(float(self.per_hour), self._left + (now - self._at) * self.per_hour / 3600)
        self._at = now

    def headers(self) -> dict[str, str]:
        """What every answer says about it; Reset is when the bucket will be full, in seconds since 1970."""
        with self._lock:
            self._fill()
            reset = time.time() + (self.per_hour - self._left) * 3600 / self.per_hour
            return {
                "RateLimit-Limit": str(self.per_hour),
                "RateLimit-Remaining": str(int(self._left)),
                "RateLimit-Reset": str(int(reset)),
            }
