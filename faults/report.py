"""What the runs found, as a table and as JSON."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faults.runs import Result

_KINDS = ("lost", "doubled", "wrong", "stuck")


def table(results: Sequence[Result]) -> str:
    """One row for each fault at each stop, in Markdown."""
    by_case: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for result in results:
        by_case[result.fault, result.stop].append(result)
    rows = [("fault", "stop", "runs", "trades", *_KINDS, "slowest recovery"), ("---",) * (5 + len(_KINDS))]
    for (fault, stop), runs in sorted(by_case.items()):
        counts = [str(sum(_count(run, kind) for run in runs)) for kind in _KINDS]
        trades, slowest = sum(run.trades for run in runs), max(run.recovery_s for run in runs)
        rows.append((fault, stop, str(len(runs)), str(trades), *counts, f"{slowest:.1f} s"))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def table_by_fault(results: Sequence[Result]) -> str:
    """The same, one row for each fault: at how many stops it struck."""
    stops: dict[str, set[str]] = defaultdict(set)
    for result in results:
        stops[result.fault].add(result.stop)
    whole = [
        Result(run.fault, f"{len(stops[run.fault])} stops", run.trades, run.recovery_s, run.findings) for run in results
    ]
    return table(whole)


def summary(results: Sequence[Result]) -> str:
    """One sentence."""
    counts = ", ".join(f"{sum(_count(run, kind) for run in results)} {kind}" for kind in _KINDS)
    cases = len({(result.fault, result.stop) for result in results})
    return f"{sum(result.trades for result in results)} trades, {len(results)} runs of {cases} cases: {counts}"


def write_json(path: Path, results: Sequence[Result], **about: Any) -> None:
    """Everything, for programs. `about`: how to repeat it."""
    told = {**about, "summary": summary(results), "runs": [asdict(result) for result in results]}
    path.write_text(json.dumps(told, indent=1) + "\n")


def _count(result: Result, kind: str) -> int:
    return sum(finding.kind == kind for finding in result.findings)
