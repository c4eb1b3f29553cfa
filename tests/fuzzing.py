"""How much is tried: little and always the same in the suite, much and always something else in a long round.

`FUZZ_TIMES=50 pytest tests/api tests/domain tests/ledger` is a long round: 50 times as many cases, chosen at random.
"""

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
IS_LONG = TIMES > 1


def tried(cases: int, *, steps: int = 50) -> settings:
    """So many cases, or many more in a long round; a state machine takes up to `steps` steps in each."""
    return settings(
        max_examples=cases * TIMES,
        stateful_step_count=steps,
        derandomize=not IS_LONG,
        deadline=None,
        # Fixtures are shared by the cases of a test, and a busy machine is slow.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
