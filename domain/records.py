"""The comparison of the ledger with what a venue has on record: orders, fills, balances. Pure.

The venue is read first, the ledger after it: whatever the venue had by then was prepared in the ledger before it was
sent. What is in motion in between looks like a difference once, and not again some time later.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from domain.audits import BookedOrder, Difference, FoundOrder, LedgerBooks, Level, Repair
from domain.money import plain
from domain.names import is_named_like_ours
from domain.orders import AT_VENUE, TERMINAL, Fill
from domain.settlements import settled_fill_id


def with_venue(books: LedgerBooks, found: Sequence[FoundOrder]) -> list[Difference]:
    """How the account's orders and fills differ from what the venue lists since `books.since`, a margin included."""
    ours = {client_id: order for order in books.orders for client_id in order.client_order_ids}
    listed: dict[str, list[FoundOrder]] = defaultdict(list)
    differences: list[Difference] = []
    for one in found:
        if (order := ours.get(one.client_order_id)) is None:
            differences.append(_not_in_ledger(books.account, one))
        else:
            listed[order.standing.order.order_id].append(one)
    for order in books.orders:
        differences += _of_order(order, listed[order.standing.order.order_id], books)
    return differences


def with_balances(earlier: LedgerBooks, later: LedgerBooks, balances: Mapping[str, Decimal]) -> list[Difference]:
    """Positions that are larger than what the account has of the asset; there may be more, people have money too.

    `earlier` was read before the balances, `later` after them: of a position that moved the smaller counts, and what
    is being sold may have left already.
    """
    before, after = _held(earlier), _held(later)
    selling: dict[str, Decimal] = defaultdict(Decimal)
    for order in later.orders:
        if not order.standing.final and order.standing.order.action == "SELL":
            selling[order.standing.order.pair.base] += order.standing.remaining
    found: list[Difference] = []
    for asset, now in after.items():
        position, balance = min(now, before.get(asset, Decimal(0))), balances.get(asset, Decimal(0))
        if position - selling[asset] > balance:
            what = f"our trades left {plain(position)} {asset}, the account has {plain(balance)}"
            found.append(_difference(later.account, "position_exceeds_balance", asset, what))
    return found


def _held(books: LedgerBooks) -> Mapping[str, Decimal]:
    held: dict[str, Decimal] = defaultdict(Decimal)
    for booked in books.positions:
        held[booked.position.pair.base] += booked.position.base_qty
    return held


def _not_in_ledger(account: str, found: FoundOrder) -> Difference:
    """A stranger's order, or one of ours that the ledger has lost: only surefill names orders as surefill does."""
    is_ours = is_named_like_ours(found.client_order_id)
    code = "unknown_order" if is_ours else "foreign_order"
    level: Level = "alert" if is_ours else "info"
    whose = "an id of our make that the ledger does not have" if is_ours else "an id that is not ours"
    what = f"{found.headline}, {_state(found)}, stands at the venue under {whose} ({found.client_order_id or 'none'})"
    return _difference(account, code, found.venue_order_id, what, level=level)


def _of_order(order: BookedOrder, listed: Sequence[FoundOrder], books: LedgerBooks) -> Iterator[Difference]:
    known = order.standing.venue_order_id
    if not listed:
        if known is not None and order.sized_at >= books.since and order.standing.state in AT_VENUE:
            yield _about(order, "order_missing", f"the ledger has it as {known}, the venue does not list it")
        return
    for other in listed[1:] if known is None else [one for one in listed if one.venue_order_id != known]:
        what = f"the ledger has {known or listed[0].venue_order_id}; {other.venue_order_id} stands at the venue too"
        yield _about(order, "second_order", what, place=other.venue_order_id)
    found = next((one for one in listed if known in (None, one.venue_order_id)), None)
    if found is not None:
        yield from _of_pair(order, found)


def _of_pair(order: BookedOrder, found: FoundOrder) -> Iterator[Difference]:
    if found.state is None:
        yield _about(order, "order_unreadable", f"the venue's record of {found.venue_order_id}: {found.trouble}")
        return
    fills = list(_of_fills(order, found))
    yield from fills
    if state := _of_state(order, found):
        yield state
    elif not fills:
        yield from _of_totals(order, found)


def _of_fills(order: BookedOrder, found: FoundOrder) -> Iterator[Difference]:
    ours = {booked.fill.venue_fill_id: booked.fill for booked in order.fills}
    theirs = {fill.venue_fill_id: fill for fill in found.fills}
    for fill_id, fill in theirs.items():
        place = f"{order.standing.order.order_id}/{fill_id}"
        if fill_id not in ours:
            what = f"the venue has a fill of {_amounts(fill)}, the ledger does not"
            yield _about(order, "missed_fill", what, place=place, repair="merge")
        elif _amounts(fill) != _amounts(ours[fill_id]):
            what = f"the venue says {_amounts(fill)}, the ledger {_amounts(ours[fill_id])}"
            yield _about(order, "fill_differs", what, place=place)
    for fill_id in ours.keys() - theirs.keys():
        what = f"the ledger has a fill of {_amounts(ours[fill_id])}, the venue does not"
        # What a person stated counts only until the venue speaks, and now it has.
        repair: Repair = "merge" if fill_id == settled_fill_id(order.standing.order.order_id) else ""
        yield _about(order, "unknown_fill", what, place=f"{order.standing.order.order_id}/{fill_id}", repair=repair)


def _of_state(order: BookedOrder, found: FoundOrder) -> Difference | None:
    ours, theirs = order.standing.state, found.state
    if ours == theirs or (ours == "not_placed" and theirs == "rejected"):
        return None
    what = f"the ledger says {ours.replace('_', ' ')}, the venue says {_state(found)}"
    if ours not in TERMINAL and ours not in AT_VENUE:
        return _about(order, "missed_order", what, repair="merge")
    if ours not in AT_VENUE:
        return _about(order, "order_exists_after_all", what, repair="merge")
    if ours == "open" or theirs == "filled":
        return _about(order, "missed_end", what, repair="merge")
    return _about(order, "state_differs", what)


def _of_totals(order: BookedOrder, found: FoundOrder) -> Iterator[Difference]:
    standing = order.standing
    ours, theirs = (standing.filled_quote, standing.fee), (found.filled_quote, found.fee)
    if found.filled_base != order.reported_base:
        what = f"the ledger has {plain(order.reported_base)} filled, the venue {plain(found.filled_base)}"
        repair: Repair = "merge" if found.filled_base > order.reported_base else ""
        yield _about(order, "amount_differs", what, repair=repair)
    elif found.filled_base == standing.filled_base and ours != theirs:
        what = (
            f"the ledger has it worth {plain(ours[0])} with a fee of {plain(ours[1])}, "
            f"the venue {plain(theirs[0])} with {plain(theirs[1])}"
        )
        yield _about(order, "amount_differs", what)


def _amounts(fill: Fill) -> str:
    return f"{plain(fill.base_qty)} at {plain(fill.price)}, fee {plain(fill.fee)}"


def _state(found: FoundOrder) -> str:
    return found.state.replace("_", " ") if found.state else "in a state that cannot be read"


def _about(order: BookedOrder, code: str, what: str, *, place: str = "", repair: Repair = "") -> Difference:
    asked = order.standing.order
    about = {"trade_id": asked.trade_id, "order_id": asked.order_id, "repair": repair}
    return _difference(asked.account, code, place or asked.order_id, what).model_copy(update=about)


def _difference(account: str, code: str, place: str, what: str, *, level: Level = "alert") -> Difference:
    return Difference(code=code, book="venue", account=account, place=place, what=what, level=level)
