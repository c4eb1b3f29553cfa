"""`surefill settle`: a person ends the doubt about an order of which nobody can tell."""

import json
from typing import Annotated, Any

import typer

from cli.client import ApiClient
from cli.operating import Json, Reason
from cli.showing import console, number, status


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(settle)


def settle(
    trade_id: Annotated[str, typer.Argument()],
    reason: Reason,
    found: Annotated[str | None, typer.Option("--found", help="The order is at the venue, under this id.")] = None,
    never_placed: Annotated[bool, typer.Option("--never-placed", help="No such order exists.")] = False,
    filled: Annotated[
        str | None,
        typer.Option("--filled", help="So much of the order was filled in all, in the base asset; 0: nothing."),
    ] = None,
    at: Annotated[str | None, typer.Option("--price", help="Average price of all that was filled.")] = None,
    fee: Annotated[str | None, typer.Option("--fee", help="All fees, in the quote asset.")] = None,
    as_json: Json = False,
) -> None:
    """Say what became of an order that is unresolved: look at the venue first, your word is booked.

    What the venue itself reports later takes its place.
    """
    if (found is not None) + never_placed + (filled is not None) != 1:
        raise typer.BadParameter("say one of --found, --never-placed, --filled")
    if filled is None and (at is not None or fee is not None):
        raise typer.BadParameter("--price and --fee belong to --filled")
    said = {
        "kind": "found" if found is not None else "never_placed" if never_placed else "filled",
        "reason": reason,
        "venue_order_id": found,
        "filled_base": filled,
        "price": at,
        "fee": fee,
    }
    given = {name: value for name, value in said.items() if value is not None}
    answer = ApiClient().post(f"/trades/{trade_id}/settle", given)
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        _print_standing(answer["standing"])
        console.print(f"see how it ends: surefill trade {trade_id}")


def _print_standing(standing: dict[str, Any]) -> None:
    if not standing["final"]:
        console.print("taken down: the order is looked up there, and nothing more of it is sent")
        return
    order = standing["order"]
    amount = f"{number(standing['filled_base'])} of {number(order['base_qty'])} {order['pair']['base']} filled"
    console.print(f"settled: the order is {status(standing['state'])}, {amount}")
