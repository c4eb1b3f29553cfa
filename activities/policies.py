"""How each activity is timed and retried, and every other technical timeout; read this page before touching one.

`start_to_close` is one try. What may wait until the world is whole again has no `schedule_to_close`; business deadlines
come from the trade's rules, at the call site.
"""

from datetime import timedelta

from temporalio.common import Priority, RetryPolicy
from temporalio.workflow import ActivityConfig, LocalActivityConfig

from domain.errors import GiveUp, leaves

_GIVE_UP = leaves(GiveUp)

# One call to a venue, from connecting to the last byte.
VENUE_CALL_S = 5
# An attempt looks up, then sends, and may be late by a little; from then on the venue must refuse it.
ATTEMPT_LIFE = timedelta(seconds=2 * VENUE_CALL_S + 2)
# A market order is over in milliseconds. Whoever placed it looks once; if it goes on, a loop sees its end without the
# cost of a timer.
FIRST_LOOK_S = 2
WATCH_FILL_FOR_S = 10
WATCH_FILL_FIRST_PAUSE_S = 0.1
WATCH_FILL_LAST_PAUSE_S = 1.0
# While a venue's channel is live, a look without a hint is only for what the channel may have lost: rarer is enough.
# The wait holds one slot of a worker for each account.
WAIT_FOR_HINT_S = 10
# What a channel tells of may reach us before the answer to the order itself: it is looked for so long, so often.
HINTED_EARLY = timedelta(seconds=5)
HINTED_EARLY_PAUSE = timedelta(milliseconds=500)
# A live channel says something every second. One that says nothing for so long is given up.
SILENCE_S = 5
# Pauses before a channel that broke is connected again: meanwhile orders are looked up every second.
LISTEN_FIRST_PAUSE_S = 1
LISTEN_LAST_PAUSE_S = 60


def _retry(first_ms: int, most_s: int, *, gives_up: bool) -> RetryPolicy:
    return RetryPolicy(
        initial_interval=timedelta(milliseconds=first_ms),
        maximum_interval=timedelta(seconds=most_s),
        non_retryable_error_types=_GIVE_UP if gives_up else None,
    )


# One transaction of a few milliseconds; the lock it may wait for is given up after 2 s, and then it is tried again.
_LEDGER_TRY = timedelta(seconds=20)
OPEN_TRADE = LocalActivityConfig(
    start_to_close_timeout=_LEDGER_TRY, retry_policy=_retry(first_ms=100, most_s=5, gives_up=True)
)
SIZE_ORDER = LocalActivityConfig(
    start_to_close_timeout=_LEDGER_TRY, retry_policy=_retry(first_ms=100, most_s=5, gives_up=True)
)
# A person waits for the answer; a word that does not fit the books is refused at once.
SETTLE = LocalActivityConfig(
    start_to_close_timeout=_LEDGER_TRY, retry_policy=_retry(first_ms=100, most_s=5, gives_up=True)
)
# Once an order may exist, the truth must be written, however long the ledger is away: none of these ever gives up.
REQUEST_CANCEL = LocalActivityConfig(
    start_to_close_timeout=_LEDGER_TRY, retry_policy=_retry(first_ms=100, most_s=5, gives_up=False)
)
READ_STANDING = LocalActivityConfig(
    start_to_close_timeout=_LEDGER_TRY, retry_policy=_retry(first_ms=100, most_s=5, gives_up=False)
)
MARK_UNRESOLVED = LocalActivityConfig(
    start_to_close_timeout=_LEDGER_TRY, retry_policy=_retry(first_ms=100, most_s=30, gives_up=False)
)
CLOSE_TRADE = LocalActivityConfig(
    start_to_close_timeout=_LEDGER_TRY, retry_policy=_retry(first_ms=100, most_s=30, gives_up=False)
)

# A worker that has died or was frozen is noticed after so long, and its work goes to another.
_BEAT = timedelta(seconds=5)
# A stale price is worse than no trade: the call site lets this wait no longer than the signal is fresh. Trades with a
# price go before those that have none yet, or in a flood every price would be too old when its turn comes.
FETCH_QUOTES = ActivityConfig(
    priority=Priority(priority_key=4),
    start_to_close_timeout=timedelta(seconds=3 * VENUE_CALL_S),
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=200, most_s=5, gives_up=True),
)
# A quote that grew old before it could be used is asked for again, in a flood more than once.
QUOTES_AT_MOST = 5
# The gate and the look-up make a repeat safe, and the gate closes when the signal is stale: it may wait for a worker.
PLACE_ORDER = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=4 * VENUE_CALL_S),
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=250, most_s=5, gives_up=True),
)
# Looks at an order that may exist stop after a while, so that the workflow can say that it sees nothing; it goes on
# looking, and calls a person when that lasts.
_LOOK_FOR = timedelta(seconds=30)
WATCH_FILL = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=WATCH_FILL_FOR_S + 3 * VENUE_CALL_S),
    schedule_to_close_timeout=_LOOK_FOR,
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=250, most_s=10, gives_up=False),
)
LOOK_UP_ORDER = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=6 * VENUE_CALL_S),
    schedule_to_close_timeout=_LOOK_FOR,
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=500, most_s=30, gives_up=False),
)
END_ORDER = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=8 * VENUE_CALL_S),
    schedule_to_close_timeout=_LOOK_FOR,
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=500, most_s=30, gives_up=False),
)
# The relay asks for it too, now and then: no reason to wait for it long.
ASK_TO_WATCH = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=_LOOK_FOR,
    retry_policy=_retry(first_ms=200, most_s=10, gives_up=False),
)
WATCH_ORDERS = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=WAIT_FOR_HINT_S + 12 * VENUE_CALL_S),
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=500, most_s=10, gives_up=False),
)
# A day of an account at its venue is many pages; nobody waits for it but the next round, which is not begun meanwhile.
TAKE_AUDIT = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=1000, most_s=60, gives_up=False),
)
RECORD_AUDIT = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=_BEAT,
    retry_policy=_retry(first_ms=1000, most_s=60, gives_up=False),
)

# What closed longer ago is not compared with its venue any more; what is open always is.
AUDITED_FOR = timedelta(days=1)
# What is in motion looks like a difference for a moment: fills on their way into the books, a list that lags. It is one
# if it is there still so much later.
SETTLED_AFTER = timedelta(seconds=30)
# Workflows that are looked up by their ids in one round.
MOST_LOOK_UPS = 200

# Pauses between look-ups of an order that nobody can tell about: short while its fences run, long for a long outage.
LOOK_UP_FIRST_PAUSE = timedelta(seconds=1)
LOOK_UP_LAST_PAUSE = timedelta(seconds=60)
# How often an account's resting orders are looked up, all in one batch, where no live channel tells of changes.
WATCH_EVERY = timedelta(seconds=1)
# ... and longer where they are many: a batch of thousands takes many calls, and the venue allows only so many a second.
WATCH_PAUSE_FOR_EACH = timedelta(milliseconds=2)
# A trade that waits is told of changes; should a word be lost, it looks for itself.
LOOK_FOR_ITSELF_EVERY = timedelta(minutes=10)
