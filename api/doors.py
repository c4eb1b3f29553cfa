"""What every request handler works with, and who is asking."""

from dataclasses import dataclass

from fastapi import Request
from temporalio.client import Client

from api.guarding import Guard
from api.intake import Intake
from api.relay import Relay
from ledger.ledger import Ledger


@dataclass(frozen=True)
class Doors:
    """The open doors of one api process."""

    ledger: Ledger
    client: Client
    guard: Guard
    intake: Intake
    relay: Relay
    api_url: str
    temporal_ui_url: str

    def temporal_link(self, workflow_id: str) -> str:
        """Where the Temporal UI shows a workflow."""
        return f"{self.temporal_ui_url}/namespaces/{self.client.namespace}/workflows/{workflow_id}"


def doors_of(request: Request) -> Doors:
    doors: Doors = request.app.state.doors
    return doors


def remote_of(request: Request) -> str:
    """The address at the other end of the socket; what proxies write in headers is not believed."""
    return request.client.host if request.client else "unknown"


def operator_of(request: Request) -> str:
    """Who operates, as far as we can tell. Raises Refused without the operator token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    doors_of(request).guard.check_operator(token if scheme.lower() == "bearer" else None, remote_of(request))
    return request.headers.get("X-Operator", "operator")[:100]
