"""A property that is worked out when it is asked for first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """``functools.cached_property`` without the lock that Python 3.11 takes at each first time.

    For objects of which there are thousands: there the lock takes more time than what is worked out.
    """

    def __init__(self, ask: Callable[[Any], T]) -> None:
        """*ask* is a method without arguments; its answer is kept in the ``__dict__`` of the object."""
        self._ask, self._name, self.__doc__ = ask, ask.__name__, ask.__doc__

    def __get__(self, of: Any, owner: type | None = None) -> T:
        """The answer, of which Python finds every later one in the ``__dict__`` itself."""
        found = of.__dict__[self._name] = self._ask(of)
        return found
