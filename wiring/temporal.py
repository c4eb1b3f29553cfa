"""Connecting to Temporal, and making sure that it is the one which drives this ledger."""

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import GrpcCompression, RPCError

from config.settings import Settings

if TYPE_CHECKING:
    # A health check connects every few seconds, and has no use for a database.
    from ledger.ledger import Ledger

log = logging.getLogger(__name__)

_RETRY_S = 1.0
# A frozen server answers nothing at all, and the client's own patience is half a minute.
_ASK_S = 5.0


class OtherTemporal(Exception):
    """The Temporal that we reach is not the one that drives this ledger."""


async def connect(settings: Settings, role: str, *, lazy: bool = False) -> Client:
    """A client as TEMPORAL_ADDRESS and its friends say, else for the server of `surefill up`.

    Source of the variables: Temporal's environment configuration. `lazy`: connect at the first call.
    """
    options = ClientConfig.load_client_connect_config()
    options.setdefault("target_host", f"127.0.0.1:{settings.temporal_port}")
    local = options["target_host"].startswith(("127.0.0.1:", "localhost:", "[::1]:"))
    return await Client.connect(
        **options,
        data_converter=pydantic_data_converter,
        identity=f"{role}@{socket.gethostname()}:{os.getpid()}",
        lazy=lazy,
        grpc_compression=GrpcCompression.NONE if local else GrpcCompression.GZIP,
    )


async def connect_with_patience(settings: Settings, role: str) -> Client:
    """`connect`, again and again until Temporal is there."""
    said = False
    while True:
        try:
            return await connect(settings, role)
        except (RuntimeError, RPCError) as error:
            if not said:
                log.warning("temporal_unreachable role=%s error=%s; trying again every second", role, error)
                said = True
        await asyncio.sleep(_RETRY_S)


async def namespace_id(client: Client) -> str:
    """The id of the namespace: it survives restarts, and changes with a new database."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    async with asyncio.timeout(_ASK_S):
        answer = await client.workflow_service.describe_namespace(request)
    return answer.namespace_info.id


async def confirmed_epoch(client: Client, ledger: "Ledger") -> int:
    """The epoch in which this Temporal drives the ledger; the first to come is taken as it is. Raises OtherTemporal."""
    found, known = await namespace_id(client), await ledger.switches.epoch()
    if known is None:
        known = await ledger.switches.confirm_epoch(found, "first use")
    if known.namespace_id != found:
        raise OtherTemporal(
            f"this ledger belongs to Temporal namespace id {known.namespace_id}, but here is {found}: point "
            "TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE at the right one, or, if that one is lost for good, run "
            "`surefill confirm-temporal`"
        )
    return known.epoch
