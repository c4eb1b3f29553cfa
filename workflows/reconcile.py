"""One round of the auditor: look at the books, look again at what was in motion, mend, write down."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities import policies
    from activities.auditing import Auditing
    from domain.audits import AuditReport
    from domain.names import RECONCILE_WORKFLOW


@workflow.defn(name=RECONCILE_WORKFLOW)
class ReconcileWorkflow:
    """Compares the ledger, Temporal and the venues. Its result is what differed, and what was mended."""

    @workflow.run
    async def run(self) -> AuditReport:
        report = await _look()
        if report.is_in_doubt:
            await workflow.sleep(policies.SETTLED_AFTER, summary="what is in motion settles")
            report = report.seen_again_by(await _look())
        return await workflow.execute_activity_method(Auditing.record_audit, report, **policies.RECORD_AUDIT)


async def _look() -> AuditReport:
    return await workflow.execute_activity_method(Auditing.take_audit, **policies.TAKE_AUDIT)
