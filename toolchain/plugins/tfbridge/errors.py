"""Failures on the way to a bridged resource, and their form in the bridge's messages."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class RemoteError(Exception):
    """The daemon or the cloud behind a provider refused, or did not answer."""

    @property
    def gone(self) -> bool:
        """Whether it says that the resource does not exist."""
        return False


class UnfinishedError(RemoteError):
    """Creation got as far as an id and then failed: the resource exists.

    Args:
        id: The new resource's id.
        problem: Why it is not finished.
    """

    def __init__(self, id: str, problem: str) -> None:
        super().__init__(problem)
        self.id = id


@contextmanager
def after_creation(id: str) -> Iterator[None]:
    """Steps that follow the creation itself: a failure in one leaves a resource that exists."""
    try:
        yield
    except RemoteError as problem:
        raise UnfinishedError(id, str(problem)) from problem


def listed(problem: object) -> str:
    """The bridge's list of one error."""
    return f"1 error occurred:\n\t* {problem}\n\n"
