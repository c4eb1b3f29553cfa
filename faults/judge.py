"""After a run: the exchange's books are the truth, and ours are held to them."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from domain.names import client_order_id
from faults.findings import Finding
from faults.house import House
from faults.trades import Asked
from tests.pipeline.stack import Json

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Truth:
    """What the exchange has, by our client order id."""

    orders: dict[str, list[Json]]
    fills: dict[str, list[Json]]


def judge(house: House, asked: list[Asked], may_end: frozenset[str]) -> list[Finding]:
    """Everything that is not as promised; `may_end`: codes with which these trades may be told off."""
    truth = _truth(house)
    findings = [found for alert in asked for found in _of_trade(house, alert, truth, may_end)]
    findings += _of_books(house, truth)
    findings += _of_workflows(house)
    if not findings:
        findings += _of_auditor(house)
    return findings


def _truth(house: House) -> Truth:
    audit = house.control("GET", "/audit")
    orders: dict[str, list[Json]] = defaultdict(list)
    fills: dict[str, list[Json]] = defaultdict(list)
    for order in audit["orders"]:
        orders[order["client_order_id"]].append(order)
    for fill in audit["fills"]:
        fills[fill["order_id"]].append(fill)
    return Truth(dict(orders), dict(fills))


def _of_trade(house: House, alert: Asked, truth: Truth, may_end: frozenset[str]) -> Iterator[Finding]:
    sheet = house.trade(alert.trade_id)
    orders = truth.orders.get(client_order_id(f"{alert.trade_id}-1", 1), [])
    outcome = sheet["outcome"]
    if len(orders) > 1:
        yield Finding("doubled", alert.trade_id, f"{len(orders)} orders at the exchange")
    if outcome is None:
        yield Finding(
            "stuck", alert.trade_id, f"{sheet['status']}: {[event['reason'] for event in sheet['timeline']][-1:]}"
        )
        return
    if any(order["status"] == "OPEN" for order in orders):
        yield Finding("wrong", alert.trade_id, f"it is {outcome['kind']}, its order is open at the exchange")
    yield from _of_amounts(alert, sheet, [fill for order in orders for fill in truth.fills.get(order["order_id"], [])])
    if outcome["code"] not in {"", *_expected(alert), *may_end}:
        yield Finding("lost", alert.trade_id, f"{outcome['kind']}: {outcome['code']} {outcome['reason']}")


def _expected(alert: Asked) -> frozenset[str]:
    """What the script itself brought about."""
    return frozenset({"CancelRequested"}) if alert.kind == "cancelled at rest" else frozenset()


def _of_amounts(alert: Asked, sheet: Json, fills: list[Json]) -> Iterator[Finding]:
    """The exchange's fills, each once, and their sums in the outcome."""
    theirs = Counter((Decimal(fill["size"]), Decimal(fill["price"])) for fill in fills)
    ours = Counter((Decimal(fill["base_qty"]), Decimal(fill["price"])) for fill in sheet["fills"])
    if theirs != ours:
        yield Finding("wrong", alert.trade_id, f"fills at the exchange {theirs}, in the ledger {ours}")
    filled = sum((size * times for (size, _), times in theirs.items()), _ZERO)
    recorded = Decimal(sheet["outcome"]["filled_base"])
    if recorded != filled:
        yield Finding("wrong", alert.trade_id, f"{filled} filled, {recorded} recorded")
    fee = Decimal(sheet["outcome"]["fee"])
    if fee != sum((Decimal(fill["commission"]) for fill in fills), _ZERO):
        yield Finding("wrong", alert.trade_id, f"the fee recorded is {fee}")


def _of_books(house: House, truth: Truth) -> Iterator[Finding]:
    """What no single trade shows: orders that nobody knows, positions, what is still reserved."""
    known = {client_order_id(f"{trade_id}-1", 1) for trade_id in _all_trades(house)}
    for client_id in truth.orders.keys() - known:
        yield Finding("doubled", "", f"the exchange has an order {client_id} that no trade knows")
    sides = {order["order_id"]: order["side"] for orders in truth.orders.values() for order in orders}
    sums = [
        Decimal(fill["size"]) * (1 if sides[key] == "BUY" else -1) for key in truth.fills for fill in truth.fills[key]
    ]
    held = sum((Decimal(line["base_qty"]) for line in house.operate("GET", "/positions")), _ZERO)
    if held != sum(sums, _ZERO):
        yield Finding("wrong", "", f"the positions are {held}, the exchange's fills {sum(sums, _ZERO)}")
    reserved = sum((Decimal(line["usd_reserved"]) for line in house.operate("GET", "/budgets")), _ZERO)
    if reserved:
        yield Finding("wrong", "", f"{reserved} USD are reserved, and no trade is open")


def _of_workflows(house: House) -> Iterator[Finding]:
    """A trade ends as a result, also when it is refused or cancelled: a run that ended otherwise is a fault of ours."""
    query = 'WorkflowType = "TradeWorkflow" AND ExecutionStatus IN ("Failed", "Canceled", "TimedOut")'
    for run in json.loads(house.temporal("workflow", "list", "--query", query, "--output", "json") or "[]"):
        yield Finding("wrong", run["execution"]["workflowId"].removeprefix("trade-"), f"its workflow {run['status']}")


def _of_auditor(house: House) -> Iterator[Finding]:
    """What surefill's own auditor finds, which knows nothing of this machine."""
    asked = house.run("audit", "--json", check=False)
    if asked.returncode:
        found = json.loads(asked.stdout or "{}").get("differences", [])
        told = [f"{one['code']} {one['what']}" for one in found if one["level"] == "alert"]
        yield Finding("wrong", "", f"the auditor says: {'; '.join(told) or asked.stderr[-500:]}")


def _all_trades(house: House) -> Iterator[str]:
    before: str | None = None
    while True:
        page = house.operate("GET", "/trades", params={"limit": 500, **({"before": before} if before else {})})
        yield from (trade["trade_id"] for trade in page["trades"])
        before = page["next"]
        if before is None:
            return
