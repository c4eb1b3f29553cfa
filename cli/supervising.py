"""Child processes: started side by side, restarted when they die, stopped in reverse order."""

import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.5, 10.0
# A child that has run so long was well; its next death starts with the shortest pause again.
_WELL_S = 30.0
_READY_S = 60.0
_ASK_EVERY_S = 0.05
_LINE_BYTES = 1024 * 1024
_PR_SET_PDEATHSIG = 1


class ChildNotReady(Exception):
    """A child died, or did not become ready, while everything was being started."""


@dataclass
class Child:
    """A program to run. `is_ready`: asked until it says yes. `stop_s`: how long it may take to stop."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[], Awaitable[bool]]
    environ: Mapping[str, str] = field(default_factory=dict)
    stop_s: float = 10.0


class Supervisor:
    """Runs children until it is told to stop."""

    def __init__(self) -> None:
        self._running: list[tuple[Child, asyncio.subprocess.Process]] = []
        self._keeping: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self, *children: Child) -> None:
        """Start the children side by side and wait until each is ready. Raises ChildNotReady."""
        for child, process in [(child, await self._spawn(child)) for child in children]:
            await _until_ready(child, process)
            self._keeping.append(asyncio.create_task(self._keep(child, process)))

    async def stop(self) -> None:
        """Stop every child, the last one first."""
        self._stopping = True
        for task in self._keeping:
            task.cancel()
        for child, process in reversed(self._running):
            if process.returncode is None:
                await _end(child, process)

    async def _keep(self, child: Child, process: asyncio.subprocess.Process) -> None:
        """Start the child again whenever it ends."""
        pause_s = _FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await process.wait()
            if self._stopping:
                return
            pause_s = _FIRST_PAUSE_S if loop.time() - began > _WELL_S else pause_s
            log.warning("child_ended name=%s code=%s; starting it again in %.1f s", child.name, code, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LAST_PAUSE_S)
            process = await self._spawn(child)

    async def _spawn(self, child: Child) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *child.command,
            env={**os.environ, **child.environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LINE_BYTES,
            # Ctrl-C reaches us alone: children are stopped in order, not all at once.
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._running = [pair for pair in self._running if pair[0] is not child]
        self._running.append((child, process))
        self._keeping.append(asyncio.create_task(_print_lines(child.name, process)))
        log.info("child_started name=%s pid=%d", child.name, process.pid)
        return process


async def _until_ready(child: Child, process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(_READY_S):
            while not await child.is_ready():
                if process.returncode is not None:
                    raise ChildNotReady(f"{child.name} ended with code {process.returncode}: see its lines above")
                await asyncio.sleep(_ASK_EVERY_S)
    except TimeoutError:
        raise ChildNotReady(f"{child.name} is not ready after {_READY_S:.0f} s: see its lines above") from None


def _die_with_parent() -> None:
    """Should this process be killed, its children are told to stop (Linux; elsewhere they stay)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _print_lines(name: str, process: asyncio.subprocess.Process) -> None:
    """Show what the child says, each line with its name."""
    assert process.stdout is not None
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            # A line longer than the buffer: its rest comes as the next one.
            continue
        if not line:
            return
        print(f"{name:<9}| {line.decode(errors='replace').rstrip()}", flush=True)


async def _end(child: Child, process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(child.stop_s):
            await process.wait()
    except TimeoutError:
        log.warning("child_killed name=%s; it did not stop within %.0f s", child.name, child.stop_s)
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
