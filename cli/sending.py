"""`surefill send`: an alert from the terminal, followed to the end of its trade."""

import json
import secrets
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from cli.client import ApiClient
from cli.showing import console, print_event, print_outcome

_LOOK_EVERY_S = 0.1
_OUTCOME_CODES = {"filled": 0, "refused": 3, "expired": 3, "cancelled": 4, "partly_filled": 5}
_STILL_GOING = 7


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(send)


def send(
    action: Annotated[str, typer.Argument(help="BUY or SELL.")],
    symbol: Annotated[str, typer.Argument(help="The pair, like ETH-USD.")],
    usd: Annotated[str | None, typer.Option("--usd", help="Amount in the quote currency.")] = None,
    base: Annotated[str | None, typer.Option("--base", help="Amount in the base currency.")] = None,
    percent: Annotated[str | None, typer.Option("--percent", help="Percent of the balance (SELL).")] = None,
    limit: Annotated[str | None, typer.Option("--limit", help="Limit price; without it, a market order.")] = None,
    cancel_after: Annotated[int | None, typer.Option(help="Seconds that a limit order may rest.")] = None,
    price: Annotated[str | None, typer.Option(help="The price that you saw; far from it nothing is traded.")] = None,
    strategy: Annotated[str | None, typer.Option(help="A label.")] = None,
    note: Annotated[str | None, typer.Option(help="A remark.")] = None,
    alert_id: Annotated[
        str | None, typer.Option("--id", help="Your id: it is traded once, however often sent.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Follow the trade to its end.")] = True,
    timeout_s: Annotated[int, typer.Option("--timeout", help="Seconds to follow it at most.")] = 120,
    as_json: Annotated[bool, typer.Option("--json", help="Print the finished trade as JSON.")] = False,
) -> None:
    """Send a signal and follow its trade; the exit code says how it ended (see `surefill --help`)."""
    asked = {
        "action": action,
        "symbol": symbol,
        "amount": usd,
        "base_amount": base,
        "percentage": percent,
        "limit_price": limit,
        "cancel_after_s": cancel_after,
        "price": price,
        "strategy": strategy,
        "note": note,
        # Should the answer be lost, sending it again is harmless.
        "id": alert_id or f"terminal-{secrets.token_hex(8)}",
    }
    api = ApiClient()
    accepted = api.post("/signals", {name: value for name, value in asked.items() if value is not None})
    if not as_json:
        _print_accepted(accepted)
    if not wait:
        if as_json:
            print(json.dumps(accepted, indent=2))
        return
    trade = _follow(api, accepted["trade_id"], timeout_s, quiet=as_json)
    if as_json:
        print(json.dumps(trade, indent=2))
    raise typer.Exit(_exit_code(trade))


def _print_accepted(accepted: dict[str, Any]) -> None:
    again = " (sent before: this is its trade)" if accepted["duplicate"] else ""
    console.print(f"trade [bold]{accepted['trade_id']}[/bold]{again}")
    if accepted["differs"]:
        console.print("[yellow]the same id was sent before with another content; nothing new is traded[/yellow]")
    for warning in accepted["warnings"]:
        console.print(f"[yellow]{warning}[/yellow]")


def _follow(api: ApiClient, trade_id: str, timeout_s: int, *, quiet: bool) -> dict[str, Any]:
    """The trade when it has ended, or when the time is up; its events are printed as they come."""
    shown = 0
    for trade in _looks(api, trade_id, timeout_s):
        if not quiet:
            for event in trade["timeline"][shown:]:
                print_event(event)
        shown = len(trade["timeline"])
        if trade["status"] == "closed":
            break
    if not quiet:
        print_outcome(trade)
    found: dict[str, Any] = trade
    return found


def _looks(api: ApiClient, trade_id: str, timeout_s: int) -> Iterator[dict[str, Any]]:
    end = time.monotonic() + timeout_s
    while True:
        yield api.get(f"/trades/{trade_id}")
        if time.monotonic() > end:
            return
        time.sleep(_LOOK_EVERY_S)


def _exit_code(trade: dict[str, Any]) -> int:
    outcome = trade["outcome"]
    return _OUTCOME_CODES[outcome["kind"]] if outcome else _STILL_GOING
