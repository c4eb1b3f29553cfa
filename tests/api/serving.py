"""The api on a port, and talking to it over bare sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from temporalio.client import Client

from api.running import serve
from ledger.ledger import Ledger
from tests.api.conftest import alert, doors_over, settings

BODY = json.dumps(alert()).encode()


@asynccontextmanager
async def served(ledger: Ledger, client: Client, **changes: Any) -> AsyncIterator[int]:
    """The api on a port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stop = asyncio.Event()
    told = settings(webhook_host="127.0.0.1", webhook_port=port)
    serving = asyncio.create_task(serve(told, doors_over(ledger, client, **changes), stop))
    try:
        yield port
    finally:
        stop.set()
        await serving


async def say(port: int, *parts: bytes, hang_up: bool = False, ends: bool = False) -> bytes:
    """Send `parts` over one connection; what came back until the server closed it. `ends`: nothing follows them."""
    with anyio.fail_after(20):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except ConnectionRefusedError:
                await anyio.sleep(0.01)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if hang_up:
                writer.close()
                return b""
            if ends:
                writer.write_eof()
            return await reader.read()
        finally:
            writer.close()


def request(path: str, *headers: str, body: bytes = BODY) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: api", "Connection: close", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
