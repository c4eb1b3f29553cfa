"""How long a trade waits between two looks at an order that nobody can tell about."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import policies


class Pauses:
    """Growing pauses; after `patience` a person is to be called, once."""

    def __init__(self, patience: timedelta) -> None:
        self._patience, self._since, self._called = patience, workflow.now(), False
        self._next = policies.LOOK_UP_FIRST_PAUSE

    def next(self) -> timedelta:
        pause, self._next = self._next, min(2 * self._next, policies.LOOK_UP_LAST_PAUSE)
        return pause

    def patience_is_over(self) -> bool:
        """Whether the time has come to call for a person; true once."""
        over = not self._called and workflow.now() - self._since >= self._patience
        self._called = self._called or over
        return over
