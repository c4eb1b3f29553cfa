"""Alerts: what came in, and how it becomes a signal. Nothing here has an effect.

The steps of a door: `read_body`, compare the secret, `to_signal`, keep it under `alert_key`; `check_age` only for an
alert that is not a duplicate, since a late copy of an accepted alert is no late alert.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import cast

from domain.alert_names import ignored_fields
from domain.alert_values import FieldReader, refused
from domain.bodies import MASK, UNFILLED, AlertRefused, Fields, Tree, Unfilled, masked, read_body
from domain.exchanges import find_exchange, is_delayed
from domain.pairs import Pair, parse_pair
from domain.signals import Action, Signal
from domain.texts import legible

__all__ = [
    "AlertRefused",
    "Fields",
    "alert_key",
    "body_hash",
    "check_age",
    "read_body",
    "redacted_text",
    "to_signal",
]

_MAX_LABEL, _MAX_NOTE, _MAX_ID, _MAX_TICKER = 100, 500, 200, 64
_MAX_PERCENT = Decimal(100)
_MAX_CANCEL_AFTER_S = 30 * 24 * 3600
_MAX_RECORD_BYTES = 4096
_POOL_TYPES = ("amm", "clmm", "router")
_SIZES = ("amount", "base_amount", "percentage")
# Misspelt secrets: the alert may be refused for the name, but its record must not hold the value.
_SECRET_LIKE = re.compile(r"api.?key|secret|token|passw|passphrase|private|auth")


def to_signal(
    fields: Fields, *, source: str, signal_id: str, received_at: datetime, max_age_s: int
) -> tuple[Signal, tuple[str, ...]]:
    """The signal that `fields` ask for, and warnings about what was passed over. Raises AlertRefused.

    `max_age_s`: how far the alert's time may lie ahead; see `check_age`.
    """
    warnings = [*fields.remarks, *ignored_fields(fields)]
    reader = FieldReader(fields)
    action, pair = _action(reader), _pair(reader)
    signal = Signal(
        signal_id=signal_id,
        source=source,
        explicit_id=reader.explicit_id(_MAX_ID),
        action=action,
        pair=pair,
        exchange=_exchange(reader),
        network=reader.label("network", _MAX_LABEL),
        pool_type=_pool_type(reader),
        **_size(reader, action),
        limit_price=reader.number("limit_price"),
        cancel_after_s=_cancel_after_s(reader),
        price=reader.number("price"),
        strategy=reader.label("strategy", _MAX_LABEL),
        note=reader.label("note", _MAX_NOTE),
        alerted_at=_alerted_at(reader, received_at, max_age_s),
        received_at=received_at,
    )
    return signal, (*warnings, *reader.warnings)


def check_age(signal: Signal, now: datetime, max_age_s: int) -> None:
    """Refuse a signal that is older than `max_age_s`. Raises AlertRefused."""
    age_s = (now - signal.asked_at).total_seconds()
    if age_s > max_age_s:
        raise refused(
            "signal_stale",
            "time",
            f"the alert is {age_s:.0f} s old, at most {max_age_s} s are allowed",
            "send the time at which it fired: {{timenow}} in TradingView ({{time}} is when its bar began)",
        )


def alert_key(source: str, fields: Fields) -> str:
    """What makes an alert the same alert: its source and explicit id, or else its source and its whole body.

    Bodies are compared by their fields: order, spacing, and JSON or KEY=VALUE make no difference, nor does the
    secret; `25` and `25.0` do. Raises AlertRefused when the id is none.
    """
    explicit_id = FieldReader(fields).explicit_id(_MAX_ID)
    if explicit_id is not None:
        return _digest(["id", source, explicit_id])
    return _digest(["body", source, _canonical(fields)])


def body_hash(fields: Fields) -> str:
    """The same for two bodies that ask for the same; it tells a repeated id with another body."""
    return _digest(_canonical(fields))


def redacted_text(fields: Fields, secrets: Iterable[str] = ()) -> str:
    """The body for the record: JSON without its secret, `secrets` masked wherever they stand, cut at 4 KiB."""
    visible = {name: MASK if _SECRET_LIKE.search(name) else value for name, value in fields.values.items()}
    hidden = masked(cast(Tree, visible), [*secrets, fields.secret or ""])
    text = legible(json.dumps(hidden, ensure_ascii=False, default=_shown_unfilled))
    record = text.encode("utf-8", "replace")
    if len(record) <= _MAX_RECORD_BYTES:
        return record.decode()
    return record[: _MAX_RECORD_BYTES - 3].decode("utf-8", "ignore") + "\u2026"


def _action(reader: FieldReader) -> Action:
    text = reader.required("action", "BUY").upper()
    if text == "BUY":
        return "BUY"
    if text == "SELL":
        return "SELL"
    raise refused("action_invalid", "action", f"action is {text!r:.40}", "send BUY or SELL")


def _pair(reader: FieldReader) -> Pair:
    ticker = reader.required("symbol", "ETH-USD")
    if len(ticker) > _MAX_TICKER:
        raise refused("text_too_long", "symbol", f"symbol has {len(ticker)} characters", f"send at most {_MAX_TICKER}")
    try:
        return parse_pair(ticker)
    except ValueError as error:
        message, _, fix = str(error).rpartition("; ")
        raise refused("symbol_invalid", "symbol", message, fix) from None


def _exchange(reader: FieldReader) -> str | None:
    named = reader.label("exchange", _MAX_LABEL)
    if named is None:
        return None
    exchange = find_exchange(named)
    if is_delayed(named):
        reader.warnings.append(f"TradingView marks its data of {exchange} as delayed")
    return exchange


def _pool_type(reader: FieldReader) -> str | None:
    text = reader.text("pool_type")
    if text is None or text.lower() in _POOL_TYPES:
        return text and text.lower()
    raise refused("pool_type_invalid", "pool_type", f"pool_type is {text!r:.40}", f"send {' or '.join(_POOL_TYPES)}")


def _size(reader: FieldReader, action: Action) -> dict[str, Decimal]:
    """The one size that counts. The legacy template always sends both amount, for a BUY, and percentage, for a SELL."""
    most = {"percentage": _MAX_PERCENT}
    read = {name: reader.number(name, most.get(name)) for name in _SIZES}
    given = {name: number for name, number in read.items() if number is not None}
    if "base_amount" in given and len(given) > 1:
        message = f"{' and '.join(given)} cannot both count"
        raise refused("size_conflict", "base_amount", message, "send one size only")
    if action == "BUY" and given.pop("percentage", None) is not None:
        counts = "amount" if given else "the default amount"
        reader.warnings.append(f"percentage is ignored on a BUY: {counts} counts")
    if action == "SELL" and len(given) > 1:
        del given["amount"]
        reader.warnings.append("amount is ignored on a SELL: percentage counts")
    return given


def _cancel_after_s(reader: FieldReader) -> int | None:
    seconds = reader.whole_seconds("cancel_after_s", _MAX_CANCEL_AFTER_S)
    if seconds is not None and reader.text("limit_price") is None:
        reader.warnings.append("cancel_after_s counts only with limit_price")
    return seconds


def _alerted_at(reader: FieldReader, received_at: datetime, max_age_s: int) -> datetime | None:
    moment = reader.moment("time")
    if moment is not None and (moment - received_at).total_seconds() > max_age_s:
        message = f"time {moment:%Y-%m-%d %H:%M:%S}Z lies ahead of our clock by more than {max_age_s} s"
        raise refused("time_in_future", "time", message, "send the time in UTC at which the alert fired")
    return moment


def _canonical(fields: Fields) -> list[Tree]:
    """The fields by name, each value tagged by its kind, so that no two bodies look alike."""
    return [[name, _tagged(fields.values[name])] for name in sorted(fields.values)]


def _tagged(tree: Tree) -> Tree:
    if isinstance(tree, Unfilled):
        return ["unfilled"]
    if isinstance(tree, list):
        return ["list", *map(_tagged, tree)]
    if isinstance(tree, dict):
        return ["object", *([name, _tagged(tree[name])] for name in sorted(tree))]
    return tree


def _digest(tree: Tree) -> str:
    return hashlib.sha256(json.dumps(tree).encode()).hexdigest()


def _shown_unfilled(value: object) -> str:
    return "(not filled)" if value is UNFILLED else str(value)
