"""One whole house for the module; each test finds every part running and no fault armed."""

from collections.abc import Iterator

import pytest

from tests.pipeline.stack import Stack


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("house"))
    try:
        stack.start_all()
        yield stack
    finally:
        stack.stop_all()


@pytest.fixture
def stack(house: Stack) -> Stack:
    house.start_all()
    house.control("DELETE", "/faults")
    return house
