"""What is made of the measurements: ratios to the floor, and the table of the README."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
_BEGIN, _END = "<!-- bench: written by make bench -->\n", "<!-- /bench -->"


def ratios(runs: dict[str, Any]) -> dict[str, Any]:
    """Trades against the floor, by "mode/ledger"; medians over the rounds. The first run's stand at the top too."""
    by_run = {name: _ratios(run) for name, run in runs.items()}
    return {**next(iter(by_run.values())), "by_run": by_run}


def _ratios(run: dict[str, Any]) -> dict[str, float]:
    def ratio(load: str, *path: str) -> float:
        return round(_typical(run, "trades", load, *path) / _typical(run, "floor", load, *path), 2)

    return {
        "alert_to_order_p50": ratio("quiet", "to_order_ms", "p50"),
        "alert_to_order_p95": ratio("quiet", "to_order_ms", "p95"),
        "alert_to_record_p50": ratio("quiet", "to_record_ms", "p50"),
        "cpu_per_trade": ratio("busy", "cpu_ms_each"),
        "cpu_per_trade_quiet": ratio("quiet", "cpu_ms_each"),
        "trades_per_s": ratio("busy", "each_s"),
    }


def _typical(run: dict[str, Any], side: str, load: str, *path: str) -> float:
    """The median over the rounds."""
    found = []
    for value in run[side][load]:
        for key in path:
            value = value[key]
        found.append(value)
    return float(median(found))


def write_readme(report: dict[str, Any]) -> None:
    """Put the table between its marks in the README."""
    path = ROOT / "README.md"
    before, _, rest = path.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    path.write_text(before + _BEGIN + table(report) + _END + after)


def table(report: dict[str, Any]) -> str:
    """Markdown, one row for each mode and ledger."""
    columns = ["", "answer p50/p99", "alert to order p50/p95", "alert to record p50/p95", "trades/s", "CPU a trade"]
    columns += ["burst: answer p99"]
    lines = [_row(columns), _row(["---"] * len(columns))]
    for name, run in report["runs"].items():
        against = report["ratios"]["by_run"][name]
        order = _pair(run, "quiet", "to_order_ms") + f" ms ({against['alert_to_order_p50']} x)"
        record = _pair(run, "quiet", "to_record_ms") + f" ms ({against['alert_to_record_p50']} x)"
        rate = f"{_typical(run, 'trades', 'busy', 'each_s'):.0f} ({against['trades_per_s']} x)"
        cpu = f"{_typical(run, 'trades', 'busy', 'cpu_ms_each'):.0f} ms ({against['cpu_per_trade']} x)"
        answer = _pair(run, "quiet", "answers_ms", "p99") + " ms"
        lines.append(
            f"| {name} | {answer} | {order} | {record} | {rate} | {cpu} | {run['burst']['answers_ms']['p99']} ms |"
        )
    if resting := report["resting"]:
        memory = ", ".join(f"{name.removesuffix('-1')} {mib} MiB" for name, mib in resting["mib"].items())
        each_s = resting["requests_each_s"]
        lines += ["", f"{resting['orders']} limit orders at rest: {memory}; {each_s} requests a second to the exchange"]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _pair(run: dict[str, Any], load: str, what: str, high: str = "p95") -> str:
    return f"{_typical(run, 'trades', load, what, 'p50'):.0f}/{_typical(run, 'trades', load, what, high):.0f}"
