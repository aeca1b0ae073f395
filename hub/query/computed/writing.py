"""`writing`: what the queries of computed rows use of the statement that they are part of."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, TypeVar

from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Bind, Check, Transform

T = TypeVar("T")


class Tables(Protocol):
    """Knows the tables of the record types with a given trait."""

    def stating(self, kind: type[T]) -> tuple[str, T]:
        """Return the table of the record type that has a trait, and the trait; there is one."""
        ...


class Writing(Protocol):
    """A statement that is being written: its parameters, and what is checked before it runs."""

    checks: list[Check]
    reads_unkept: bool
    """Whether what sources told live and nobody may keep is read too."""

    @property
    def model(self) -> Tables:
        """The tables that may be read."""
        ...

    def bind(self, argument: Argument, transform: Transform, cast: str) -> str:
        """Return the parameter that holds an argument's value."""
        ...

    def bind_env(self, key: Hashable, value: Bind, cast: str) -> str:
        """Return the parameter that holds what `value` takes from a request."""
        ...

    def bind_now(self) -> str:
        """Return the parameter with the present instant."""
        ...
