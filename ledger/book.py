"""What a book is: methods that each run whole in one transaction."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from ledger.database import Database
from ledger.transaction import Transaction

B = TypeVar("B", bound="Book")
P = ParamSpec("P")
T = TypeVar("T")


class Book:
    """A part of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database


def writes(work: Callable[Concatenate[B, Transaction, P], T]) -> Callable[Concatenate[B, P], Coroutine[Any, Any, T]]:
    """Make a method over a transaction into one that writes; on an error nothing is kept."""

    @functools.wraps(work)
    async def method(book: B, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await book._database.write(lambda tx: work(book, tx, *args, **kwargs))

    return method


def reads(work: Callable[Concatenate[B, Transaction, P], T]) -> Callable[Concatenate[B, P], Coroutine[Any, Any, T]]:
    """Make a method over a transaction into one that reads a snapshot."""

    @functools.wraps(work)
    async def method(book: B, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await book._database.read(lambda tx: work(book, tx, *args, **kwargs))

    return method
