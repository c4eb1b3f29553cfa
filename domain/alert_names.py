"""What the fields of an alert may be called, and what a wrong name probably meant."""

import difflib

from domain.bodies import KNOWN_FIELDS, SECRET_FIELD, AlertRefused, Fields, Tree

_SIZES = "base_amount (units of the base asset), amount (in the quote currency) or percentage (of the balance)"
_KIND = "nothing: an alert with limit_price is a limit order, every other one a market order"
_ORDINARY = "not supported: an alert is one market or limit order; send the exit as an alert of its own"
_SPOT = "not supported: only spot is traded, without leverage"
_SETTING = "a setting, not a field of an alert"
_MODE = "not supported: paper or live is a setting of surefill, no alert can choose it"

# Words that ask for something, by what to write instead. To ignore one would trade something else than was asked.
_ASKS = {
    **dict.fromkeys(("quantity", "qty", "size", "contracts", "units", "shares", "lots"), _SIZES),
    **dict.fromkeys(("usd", "usd_amount", "amount_usd", "quote_amount", "notional", "cost", "funds"), "amount"),
    **dict.fromkeys(("base_qty", "base_quantity", "base_size"), "base_amount"),
    **dict.fromkeys(("percent", "pct"), "percentage"),
    **dict.fromkeys(("side", "direction", "order_action"), "action"),
    **dict.fromkeys(("ticker", "pair", "instrument", "product_id"), "symbol"),
    **dict.fromkeys(("price_limit", "limit", "limitprice", "entry_price"), "limit_price"),
    **dict.fromkeys(("type", "order_type", "ordertype", "post_only"), _KIND),
    **dict.fromkeys(("stop", "stop_price", "stop_loss", "stoploss", "sl", "trailing_stop", "trail"), _ORDINARY),
    **dict.fromkeys(("take_profit", "takeprofit", "tp", "target", "close_position", "oco"), _ORDINARY),
    **dict.fromkeys(("leverage", "margin", "margin_mode", "reduce_only"), _SPOT),
    **dict.fromkeys(("time_in_force", "tif", "ttl", "expiry", "expires", "expires_in", "good_until"), "cancel_after_s"),
    **dict.fromkeys(("slippage", "slippage_percent"), _SETTING),
    **dict.fromkeys(("test", "dry_run", "dryrun", "paper", "simulate", "live"), _MODE),
    **dict.fromkeys(("venue", "broker"), "exchange"),
    **dict.fromkeys(("chain", "blockchain"), "network"),
    **dict.fromkeys(("secret", "token", "password", "passphrase"), SECRET_FIELD),
}
_HINTS = dict.fromkeys(("timestamp", "timenow", "datetime"), " (call it 'time' to have the alert's age checked)")
_ALL = sorted({*KNOWN_FIELDS, SECRET_FIELD})
# Lets "ammount" and "symbl" through to the right name, and "uid" or "timenow" not.
_NEAR = 0.84
_MAX_WARNINGS = 20


def ignored_fields(fields: Fields) -> tuple[str, ...]:
    """A warning for each field that is not ours. Raises AlertRefused for one that probably was meant to be."""
    unknown = [name for name in sorted(fields.values) if name not in KNOWN_FIELDS]
    for name in unknown:
        _check_name(name, fields.values[name])
    warnings = [f"ignored field {name!r:.60}{_HINTS.get(name, '')}" for name in unknown[:_MAX_WARNINGS]]
    if len(unknown) > _MAX_WARNINGS:
        warnings.append(f"ignored {len(unknown) - _MAX_WARNINGS} more fields")
    return tuple(warnings)


def _check_name(name: str, value: Tree) -> None:
    if value is None or value == "":
        return
    instead = _ASKS.get(name) or next(iter(difflib.get_close_matches(name, _ALL, n=1, cutoff=_NEAR)), None)
    if instead is None:
        return
    supported = instead not in (_KIND, _ORDINARY, _SPOT, _SETTING, _MODE)
    fix = f"use {instead}" if supported else f"leave it out: it is {instead}"
    raise AlertRefused("field_unknown", f"there is no field {name!r}", fix=fix, field=name)
