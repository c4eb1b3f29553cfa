"""Tables and lines for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from domain.money import plain

console = Console(highlight=False)

_COLOURS = {
    "filled": "green",
    "partly_filled": "yellow",
    "cancelled": "yellow",
    "refused": "red",
    "expired": "red",
}


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` under `columns`; cells may have markup."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_event(event: dict[str, Any]) -> None:
    """One stop of a trade: when, where, what, why."""
    reason = f"  [dim]{escape(event['reason'])}[/dim]" if event["reason"] else ""
    colour = "bold red" if event["level"] == "alert" else "bold"
    console.print(
        f"  [dim]{clock(event['at'])}[/dim]  {event['stop']:<11} [{colour}]{escape(event['decision'])}[/]{reason}"
    )


def print_outcome(trade: dict[str, Any]) -> None:
    """How a trade ended, in one line."""
    outcome = trade["outcome"]
    if outcome is None:
        console.print(f"[yellow]still going on[/yellow]: surefill trade {trade['trade_id']}")
        return
    base, quote = trade["signal"]["pair"]["base"], trade["signal"]["pair"]["quote"]
    text = f"[bold]{status(outcome['kind'])}[/bold]"
    if Decimal(outcome["filled_base"]):
        text += f" {number(outcome['filled_base'])} {base} at {price(outcome['average_price'])}"
        text += f" = {money(outcome['filled_quote'])} {quote}, fee {money(outcome['fee'])} {quote}"
    if outcome["reason"]:
        text += f": {escape(outcome['reason'])}"
    console.print(text)


def status(kind: str) -> str:
    """A state or an outcome in its colour."""
    colour = _COLOURS.get(kind, "cyan")
    return f"[{colour}]{kind.replace('_', ' ')}[/{colour}]"


def clock(at: str) -> str:
    """A time of today, in this machine's zone, to the millisecond."""
    return datetime.fromisoformat(at).astimezone().strftime("%H:%M:%S.%f")[:-3]


def moment(at: str | None) -> str:
    """A date and time, in this machine's zone."""
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""


def number(value: str | None) -> str:
    return plain(Decimal(value)) if value is not None else ""


def price(value: str | None) -> str:
    """A price to eight significant digits: an average is a long number."""
    return f"{Decimal(value):.8g}" if value is not None else ""


def money(value: str) -> str:
    return f"{Decimal(value):.2f}"
