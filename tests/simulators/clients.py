"""A small client of the dialect, written from the venue's documents, and the control port's counterpart."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import jwt
from starlette.applications import Starlette

API = "/api/v3/brokerage"

Json = dict[str, Any]


def in_process(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://venue")


def over_sockets(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, timeout=20, trust_env=False)


def signed(name: str, key: Any, line: str, **changes: object) -> str:
    """A token for `line` ("METHOD host/path"), good for two minutes unless `changes` say otherwise."""
    now = int(time.time())
    claims = {"iss": "cdp", "sub": name, "nbf": now, "exp": now + 120, "uri": line, **changes}
    claims = {claim: value for claim, value in claims.items() if value is not None}
    algorithm = "ES256" if "EC PRIVATE" in str(key) else "EdDSA"
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": name, "nonce": uuid.uuid4().hex})


class Trader:
    """Signs every private request anew with the key from a downloaded key file."""

    def __init__(self, http: httpx.AsyncClient, key_file: Path) -> None:
        self.http = http
        held = json.loads(key_file.read_text())
        self.key_name, self.key = held["name"], held["privateKey"]

    def headers(self, method: str, path: str, **changes: object) -> dict[str, str]:
        token = signed(self.key_name, self.key, f"{method} api.coinbase.com{path}", **changes)
        return {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, *, body: Json | None = None, **params: Any) -> httpx.Response:
        full = f"{API}{path}"
        return await self.http.request(method, full, params=params, headers=self.headers(method, full), json=body)

    async def get(self, path: str, **params: Any) -> Json:
        answer = await self.call("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return _object(answer)

    async def post_order(self, body: Json) -> httpx.Response:
        return await self.call("POST", "/orders", body=body)

    async def submit(self, side: str, configuration: Json, **changes: str) -> Json:
        """The answer to an order, ETH-USD unless said otherwise, with a fresh client order id."""
        body = {"client_order_id": str(uuid.uuid4()), "product_id": "ETH-USD", "side": side}
        answer = await self.post_order({**body, "order_configuration": configuration, **changes})
        assert answer.status_code == 200, answer.text
        return _object(answer)

    async def placed(self, side: str, configuration: Json, **changes: str) -> str:
        answer = await self.submit(side, configuration, **changes)
        assert answer["success"], answer
        return str(answer["success_response"]["order_id"])

    async def refusal(self, side: str, configuration: Json, **changes: str) -> Json:
        answer = await self.submit(side, configuration, **changes)
        assert answer["success"] is False
        error: Json = answer["error_response"]
        return error

    async def order(self, order_id: str) -> Json:
        order: Json = (await self.get(f"/orders/historical/{order_id}"))["order"]
        return order

    async def fills(self, order_id: str) -> list[Json]:
        fills: list[Json] = (await self.get("/orders/historical/fills", order_ids=order_id))["fills"]
        return fills

    async def cancel(self, *order_ids: str) -> list[Json]:
        answer = await self.call("POST", "/orders/batch_cancel", body={"order_ids": list(order_ids)})
        results: list[Json] = _object(answer)["results"]
        return results

    async def balance(self, currency: str) -> tuple[Decimal, Decimal]:
        accounts = {account["currency"]: account for account in (await self.get("/accounts"))["accounts"]}
        account = accounts[currency]
        return Decimal(account["available_balance"]["value"]), Decimal(account["hold"]["value"])


class Control:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **params: Any) -> Json:
        return _object(await self.http.get(path, params=params))

    async def tell(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = await self.http.request(method, path, json=body or {})
        assert answer.status_code == 200, answer.text
        return _object(answer)

    async def fault(self, do: Json, **spec: Any) -> str:
        return str((await self.tell("POST", "/faults", {"do": do, **spec}))["fault_id"])

    async def results(self, client_order_id: str) -> list[str]:
        """What became of each POST with `client_order_id`, in order of arrival."""
        return [post["result"] for post in (await self.get("/audit", client_order_id=client_order_id))["posts"]]

    async def orders(self, client_order_id: str) -> list[Json]:
        orders: list[Json] = (await self.get("/audit", client_order_id=client_order_id))["orders"]
        return orders


class RunningExchange:
    """An exchange in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]", key_file: Path, log: Path) -> None:
        self.process, self.key_file, self.log = process, key_file, log
        self.venue_url = self.control_url = ""

    def read_addresses(self) -> None:
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline() for _ in range(2)]
        urls = [match[0] for line in lines if (match := re.search(r"http://\S+", line))]
        assert len(urls) == 2, self.log.read_text()
        self.venue_url, self.control_url = urls

    def kill(self) -> None:
        """As abruptly as can be."""
        self.process.kill()
        self.wait()

    def wait(self) -> int:
        code = self.process.wait(timeout=20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def start_exchange(folder: Path, **changes: str) -> RunningExchange:
    """An exchange that keeps its files in `folder`, on free ports; whoever starts it has to kill it."""
    told = {
        "PORT": "0",
        "CONTROL_PORT": "0",
        "DATABASE_PATH": str(folder / "exchange.db"),
        "KEY_FILE": str(folder / "keys" / "key.json"),
        "PRICES": "fixed",
        "PRIVATE_REQUESTS_PER_S": "0",
        "PUBLIC_REQUESTS_PER_S": "0",
        **changes,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXCHANGE_")}
    environ = {**kept, **{f"EXCHANGE_{name}": value for name, value in told.items()}}
    with (folder / "exchange.log").open("a") as log:
        command = [sys.executable, "-m", "simulators.exchange"]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=log, text=True)
    return RunningExchange(process, Path(told["KEY_FILE"]), folder / "exchange.log")


def market_buy(quote_size: str) -> Json:
    return {"market_market_ioc": {"quote_size": quote_size}}


def market(base_size: str) -> Json:
    return {"market_market_ioc": {"base_size": base_size}}


def ioc(base_size: str, limit_price: str) -> Json:
    return {"sor_limit_ioc": {"base_size": base_size, "limit_price": limit_price}}


def fok(base_size: str, limit_price: str) -> Json:
    return {"limit_limit_fok": {"base_size": base_size, "limit_price": limit_price}}


def gtc(base_size: str, limit_price: str, *, post_only: bool = False) -> Json:
    return {"limit_limit_gtc": {"base_size": base_size, "limit_price": limit_price, "post_only": post_only}}


def _object(answer: httpx.Response) -> Json:
    payload: Json = answer.json()
    return payload
