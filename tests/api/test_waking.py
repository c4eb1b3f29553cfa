"""A door that was frozen must not take an old alert for a new one."""

from datetime import UTC, datetime, timedelta

from api.waking import Waking

START = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def test_while_it_ticks_an_alert_comes_in_when_it_is_read() -> None:
    clock = Clock()
    waking = Waking(clock)
    for _ in range(5):
        now = clock.passes(1.5)
        assert waking.received_at() == now
        waking.tick()
        assert waking.received_at() == now


def test_what_is_read_just_after_waking_came_in_when_it_fell_asleep() -> None:
    clock = Clock()
    waking = Waking(clock)
    asleep_from = clock.passes(1)
    waking.tick()
    clock.passes(3600)
    assert waking.received_at() == asleep_from
    waking.tick()
    clock.passes(1)
    waking.tick()
    assert waking.received_at() == asleep_from
    now = clock.passes(2.5)
    assert waking.received_at() == now
