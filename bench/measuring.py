"""Numbers from samples and processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

import psutil


def percentile(samples: Sequence[float], percent: int) -> float:
    """The value below which `percent` of 100 of the samples lie."""
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def milliseconds(samples: Sequence[float], *percents: int) -> dict[str, float]:
    """Percentiles of seconds, as milliseconds: {"p50": 31.2, ...}."""
    return {f"p{percent}": round(1000 * percentile(samples, percent), 1) for percent in percents}


@dataclass
class Meter:
    """Processor time and memory of some processes, by name; each with its children."""

    pids: Mapping[str, int]

    def cpu_s(self) -> dict[str, float]:
        return {name: sum(_cpu_s(process) for process in _with_children(pid)) for name, pid in self.pids.items()}

    def memory_mib(self) -> dict[str, int]:
        return {
            name: round(sum(process.memory_info().rss for process in _with_children(pid)) / 2**20)
            for name, pid in self.pids.items()
        }


def _with_children(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)
