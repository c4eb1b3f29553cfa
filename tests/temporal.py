"""A Temporal server for tests, tuned as `surefill up` tunes its own."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from workflows.visible import SEARCH_ATTRIBUTES

TEMPORAL = str(Path(sys.executable).with_name("temporal"))
TUNED = (
    *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=5000"),
    *("--dynamic-config-value", "history.timerProcessorMaxPollRPS=5000"),
    *("--dynamic-config-value", 'history.timerProcessorMaxTimeShift="5ms"'),
    *("--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"),
)


@asynccontextmanager
async def temporal_server() -> AsyncIterator[WorkflowEnvironment]:
    """A real server on which idle workflows skip time, each by its own clock."""
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        data_converter=pydantic_data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_existing_path=TEMPORAL,
        dev_server_extra_args=[*TUNED],
        dev_server_log_level="error",
        # A busy machine takes its time.
        dev_server_startup_timeout=timedelta(seconds=60),
    )
    async with environment:
        yield environment
