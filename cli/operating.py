"""What operators read and do, from the terminal."""

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.client import ApiClient
from cli.loading import load_or_exit
from cli.showing import (
    clock,
    console,
    moment,
    money,
    number,
    price,
    print_event,
    print_outcome,
    print_table,
    status,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (trades, trade, cancel, halt, resume, positions, alerts, settings):
        app.command()(command)


def trades(
    state: Annotated[str | None, typer.Option("--status", help="received, open or closed.")] = None,
    outcome: Annotated[str | None, typer.Option(help="filled, partly_filled, cancelled, refused or expired.")] = None,
    pair: Annotated[str | None, typer.Option(help="Like ETH-USD.")] = None,
    strategy: Annotated[str | None, typer.Option()] = None,
    source: Annotated[str | None, typer.Option()] = None,
    before: Annotated[str | None, typer.Option(help="Only trades older than this one.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List trades, newest first."""
    page = ApiClient().get(
        "/trades",
        status=state,
        outcome=outcome,
        pair=pair,
        strategy=strategy,
        source=source,
        before=before,
        limit=limit,
    )
    if as_json:
        print(json.dumps(page, indent=2))
        return
    columns = ("trade (UTC)", "asked", "became")
    print_table("", columns, [_trade_row(line) for line in page["trades"]])
    if page["next"]:
        console.print(f"[dim]more: surefill trades --before {page['next']}[/dim]")


def trade(
    trade_id: Annotated[str, typer.Argument(help="As `surefill trades` shows it.")], as_json: Json = False
) -> None:
    """Show one trade: every stop of its way, with the reason."""
    found = ApiClient().get(f"/trades/{trade_id}")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    signal = found["signal"]
    console.print(f"[bold]{found['trade_id']}[/bold]  {signal['action']} {_pair(signal)} from {signal['source']}")
    for event in found["timeline"]:
        print_event(event)
    for fill in found["fills"]:
        at, what = clock(fill["filled_at"]), f"{number(fill['base_qty'])} at {price(fill['price'])}"
        console.print(f"  [dim]{at}[/dim]  at venue    {what}, fee {number(fill['fee'])} ({fill['liquidity']})")
    print_outcome(found)
    console.print(f"[dim]{found['temporal']}[/dim]")


def cancel(trade_id: Annotated[str, typer.Argument()], reason: Reason, as_json: Json = False) -> None:
    """Cancel a trade: nothing more of it is sent, a live order is ended at its venue."""
    answer = ApiClient().post(f"/trades/{trade_id}/cancel", {"reason": reason})
    if as_json:
        print(json.dumps(answer, indent=2))
    elif answer["too_late"]:
        console.print(f"too late: the trade is {status(answer['outcome']['kind'])}")
    else:
        console.print(f"cancelling; see how it ends: surefill trade {trade_id}")
    raise typer.Exit(1 if answer["too_late"] else 0)


def halt(reason: Reason, as_json: Json = False) -> None:
    """Halt trading: once this returns, nothing more is sent to any venue. Cancelling goes on."""
    answer = ApiClient().post("/halt", {"reason": reason})
    if as_json:
        print(json.dumps(answer, indent=2))
        return
    console.print("[bold red]trading is halted[/bold red]")
    for send in answer["underway"]:
        until = f", refused by the venue from {clock(send['fence_at'])}" if send["fence_at"] else ""
        console.print(f"  on its way before that: {send['trade_id']}, attempt {send['number']}{until}")


def resume(reason: Reason, as_json: Json = False) -> None:
    """Let trading go on."""
    answer = ApiClient().post("/resume", {"reason": reason})
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        console.print("[bold green]trading goes on[/bold green]")


def positions(as_json: Json = False) -> None:
    """What our trades have left on each account."""
    found = ApiClient().get("/positions")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    columns = ("account", "pair", "quantity", "cost", "realised", "fees")
    rows = [
        (
            one["account"],
            _pair(one),
            number(one["base_qty"]),
            money(one["cost"]),
            money(one["realised"]),
            money(one["fees"]),
        )
        for one in found
    ]
    print_table("", columns, rows)


def alerts(limit: Annotated[int, typer.Option(help="At most so many.")] = 20, as_json: Json = False) -> None:
    """What came in, latest first, and what became of it."""
    found = ApiClient().get("/alerts", limit=limit)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    rows = [
        (
            moment(one["received_at"]),
            one["source"],
            one["fate"],
            one["signal_id"] or "",
            escape(one["reason"] or one["body"]),
        )
        for one in found
    ]
    print_table("", ("received", "source", "fate", "signal", "reason, or the alert"), rows)


def settings(as_json: Json = False) -> None:
    """Show every setting: its value, its unit, and where it came from. Secrets are hidden."""
    from config.describing import describe

    loaded = load_or_exit()
    rows = describe(loaded)
    if as_json:
        print(json.dumps({"settings": [asdict(row) for row in rows], "ignored": loaded.ignored}, indent=2))
        return
    columns = ("name", "value", "unit", "from", "old name", "")
    shown = [(row.name, escape(row.value), row.unit, row.origin, row.legacy or "", row.status) for row in rows]
    print_table("", columns, shown)
    for name in loaded.ignored:
        console.print(f"[dim]ignored: {name}[/dim]")


def _trade_row(line: dict[str, Any]) -> tuple[str, ...]:
    became = status("unresolved" if line["unresolved"] else line["outcome"] or line["status"])
    if Decimal(line["filled_base"]):
        became += f" {number(line['filled_base'])} at {price(line['average_price'])}"
    if line["reason"]:
        became += f"\n[dim]{escape(line['reason'])}[/dim]"
    return line["trade_id"], f"{line['action']} {line['pair']}, {line['size']}", became


def _pair(value: dict[str, Any]) -> str:
    return f"{value['pair']['base']}-{value['pair']['quote']}"
