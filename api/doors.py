"""What every request handler works with, and who is asking."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from temporalio.client import Client

from api.guarding import Guard
from api.intake import Intake
from api.relay import Relay
from domain.texts import header_text, legible
from ledger.ledger import Ledger

_MAX_NAME = 100
_bearer = HTTPBearer(auto_error=False, scheme_name="operator token", description="SUREFILL_OPERATOR_TOKEN")


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
    """The address that asks: the other end of the socket, or what a proxy that the server trusts says of it."""
    host = request.client.host if request.client else ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "unknown"


def operator_of(request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> str:
    """Who operates, as they say themselves. Raises Refused without the operator token."""
    token = header_text(shown.credentials) if shown else None
    doors_of(request).guard.check_operator(token, remote_of(request))
    return legible(header_text(request.headers.get("X-Operator")) or "operator")[:_MAX_NAME]


Operator = Annotated[str, Depends(operator_of)]
