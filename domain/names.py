"""Names that two rooms must agree on: ids of workflows, queues and messages."""

from uuid import UUID, uuid5

TASK_QUEUE = "surefill"
TRADE_WORKFLOW = "TradeWorkflow"
WATCH_WORKFLOW = "WatchWorkflow"
RECONCILE_WORKFLOW = "ReconcileWorkflow"
RECONCILE_SCHEDULE = "reconcile"
RECONCILE_NOW = "reconcile-now"

_ORDERS = UUID("5f5c3e0a-6c0e-5b57-9d5a-0f4cf64c0c51")


def trade_workflow_id(trade_id: str) -> str:
    return f"trade-{trade_id}"


def watch_workflow_id(account: str) -> str:
    return f"watch-{account}"


def client_order_id(order_id: str, generation: int) -> str:
    """The id under which a venue knows an order: the same one for the same order and generation, always."""
    return str(uuid5(_ORDERS, f"{order_id}/{generation}"))


def is_named_like_ours(client_id: str) -> bool:
    """Whether the id is of the kind that we make; people's apps draw theirs at random, which is another kind."""
    try:
        return UUID(client_id).version == 5
    except ValueError:
        return False
