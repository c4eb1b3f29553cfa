"""One watcher for each account: all its resting orders, looked up in one batch."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import policies
    from activities.watching import Watching
    from domain.names import WATCH_WORKFLOW


@workflow.defn(name=WATCH_WORKFLOW)
class WatchWorkflow:
    """Watches while orders rest, and ends when none does; the next order that rests starts it again."""

    @workflow.init
    def __init__(self, account: str) -> None:
        self._look_again = False

    @workflow.run
    async def run(self, account: str) -> None:
        while True:
            self._look_again = False
            resting = await workflow.execute_activity_method(Watching.watch_orders, account, **policies.WATCH_ORDERS)
            if not resting and not self._look_again:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(account)
            await workflow.sleep(max(policies.WATCH_EVERY, resting * policies.WATCH_PAUSE_FOR_EACH))

    @workflow.signal(description="An order has begun to rest: look once more before ending. No input.")
    def look_again(self) -> None:
        self._look_again = True
