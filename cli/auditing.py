"""Asking the auditor, from the terminal."""

import json
import time
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.client import ApiClient
from cli.operating import Json
from cli.showing import console, moment, number, print_table

# A round looks twice, 30 s apart, when something differs; a venue with many orders takes its time.
_ROUND_S = 120
_ASK_AGAIN_S = 2


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (audit, orders):
        app.command()(command)


def audit(as_json: Json = False) -> None:
    """Compare the ledger, Temporal and the venues now, and mend what is certain. Exit code 1 when something differs.

    While Temporal is away only the ledger is compared, and venues are as the last round found them.
    """
    api = ApiClient()
    began = api.post("/audit", {"reason": "surefill audit"})
    found = began if began["finished"] or began["temporal"] else _when_finished(api, began, quiet=as_json)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print_audit(found)
    raise typer.Exit(1 if _alerts(found) or found["left_out"] else 0)


def orders(
    older_than_s: Annotated[int, typer.Option(help="Only those that were made so many seconds ago, or earlier.")] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    """List orders that have not ended, oldest first, from the ledger alone."""
    found = ApiClient().get("/orders", older_than_s=older_than_s, limit=limit)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    rows = [
        (
            one["order_id"],
            one["account"],
            f"{one['action']} {number(one['base_qty'])} {one['pair']['base']}-{one['pair']['quote']}",
            one["state"],
            one["venue_order_id"] or "",
            f"{one['age_s']} s",
            moment(one["fence_at"]),
        )
        for one in found
    ]
    columns = ("order", "account", "asked", "state", "venue's id", "age", "refused by the venue from")
    print_table("", columns, rows)


def _when_finished(api: ApiClient, began: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """What the books look like once the round that was asked for has ended, or its time is up."""
    asked_at, end = datetime.fromisoformat(began["asked_at"]), time.monotonic() + _ROUND_S
    if not quiet:
        console.print("[dim]something differs or is in motion: looking twice[/dim]")
    while time.monotonic() < end:
        time.sleep(_ASK_AGAIN_S)
        found: dict[str, Any] = api.get("/audit")
        ends = [datetime.fromisoformat(past["ended_at"]) for past in found["rounds"]]
        if found["temporal"] or any(at > asked_at for at in ends):
            return found
    raise SystemExit("the round goes on; see `surefill audit` later, or whether a worker is at work")


def _print_audit(found: dict[str, Any]) -> None:
    if found["temporal"]:
        console.print(f"[yellow]{escape(found['temporal'])}[/yellow]")
    for past in found["rounds"]:
        look = past["look"]
        if look["trouble"]:
            console.print(f"[yellow]{look['account']}: not compared, {escape(look['trouble'])}[/yellow]")
    for one in sorted(found["differences"], key=lambda one: one["level"]):
        colour = "bold red" if one["level"] == "alert" else "cyan"
        where = f"{one['account']} " if one["account"] else ""
        console.print(f"[{colour}]{one['code']}[/]  {where}{escape(one['place'])}")
        console.print(f"  {escape(one['what'])}")
    for finding in found["mended"]:
        one = finding["difference"]
        console.print(f"[green]mended[/green] {one['code']}  {one['account']} {escape(one['place'])}")
        console.print(
            f"  [dim]{moment(finding['last_seen_at'])}[/dim] {escape(one['what'])}; {escape(one['repaired'])}"
        )
    if found["left_out"]:
        console.print(f"... and {found['left_out']} more")
    alerts = len(_alerts(found))
    latest = max((past["ended_at"] for past in found["rounds"]), default=None)
    said = f"{alerts} differences" if alerts else "[bold green]the books agree[/bold green]"
    console.print(f"{said}; the last round ended {moment(latest) or 'never'}")


def _alerts(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in found["differences"] if one["level"] == "alert"]
