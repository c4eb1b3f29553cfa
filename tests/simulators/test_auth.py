"""Who may call."""

import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from simulators.exchange.auth import KeyUnusable
from simulators.exchange.server import House
from simulators.exchange.settings import Settings
from tests.simulators.clients import Control, Trader, market_buy, signed

pytestmark = pytest.mark.anyio

ACCOUNTS = "/api/v3/brokerage/accounts"
ORDERS = "/api/v3/brokerage/orders"


def pem(public: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def test_the_issued_key_file_reads_like_a_portals_download(settings: Settings, house: House) -> None:
    assert oct(settings.key_file.stat().st_mode & 0o777) == "0o600"
    text = settings.key_file.read_text()
    assert '"name": "organizations/' in text
    assert "-----BEGIN EC PRIVATE KEY-----" in text


async def test_an_existing_key_file_is_kept_and_registered(
    settings: Settings, house: House, trader: Trader, control: Control
) -> None:
    kept = settings.key_file.read_text()
    rebuilt = House.build(settings, house.exchange.store)
    assert settings.key_file.read_text() == kept
    assert rebuilt.exchange.store.keys().keys() == {trader.key_name}


async def test_a_second_key_may_be_registered_also_an_ed25519_one(trader: Trader, control: Control) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    await control.tell("POST", "/keys", {"name": "another", "public_key_pem": pem(private.public_key())})
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    token = signed("another", secret, "", uri=None, uris=[f"GET api.coinbase.com{ACCOUNTS}"])
    answer = await trader.http.get(ACCOUNTS, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_a_key_that_cannot_sign_is_not_registered(control: Control) -> None:
    weak = ec.generate_private_key(ec.SECP384R1()).public_key()
    for text in ("nonsense", pem(weak)):
        answer = await control.http.post("/keys", json={"name": "x", "public_key_pem": text})
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "prefix", ["api.coinbase.com", "http://127.0.0.1:8780", "https://api.coinbase.com", "127.0.0.1:8780"]
)
async def test_the_uri_may_name_any_host(trader: Trader, prefix: str) -> None:
    headers = trader.headers("GET", ACCOUNTS, uri=f"GET {prefix}{ACCOUNTS}", iss="coinbase-cloud")
    assert (await trader.http.get(ACCOUNTS, params={"limit": 1}, headers=headers)).status_code == 200


NOW = int(time.time())

BAD_CLAIMS = [
    {"uri": f"POST api.coinbase.com{ACCOUNTS}"},
    {"uri": f"GET api.coinbase.com{ACCOUNTS}/x"},
    {"uri": f"GET api.coinbase.com{ACCOUNTS}?limit=1"},
    {"uri": None},
    {"uri": None, "uris": []},
    {"iss": "someone"},
    {"sub": "someone"},
    {"exp": NOW - 1},
    {"nbf": NOW + 3600, "exp": NOW + 3660},
    {"nbf": NOW - 60, "exp": NOW + 90},
    {"exp": None},
    {"nbf": None},
]


@pytest.mark.parametrize("changes", BAD_CLAIMS)
async def test_a_token_with_wrong_claims_is_refused(trader: Trader, changes: dict[str, object]) -> None:
    answer = await trader.http.get(ACCOUNTS, headers=trader.headers("GET", ACCOUNTS, **changes))
    assert (answer.status_code, answer.text) == (401, "Unauthorized")


async def test_a_token_signed_by_another_key_is_refused(trader: Trader) -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    trader.key = stranger.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    assert (await trader.call("GET", "/accounts")).status_code == 401


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Basic abc", "Bearer "])
async def test_a_request_without_a_proper_token_is_refused(trader: Trader, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    assert (await trader.http.get(ACCOUNTS, headers=headers)).status_code == 401


async def test_an_unsigned_token_is_refused(trader: Trader) -> None:
    now = int(time.time())
    claims = {"iss": "cdp", "sub": trader.key_name, "nbf": now, "exp": now + 60, "uri": f"GET host{ACCOUNTS}"}
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": trader.key_name})
    answer = await trader.http.get(ACCOUNTS, headers={"Authorization": f"Bearer {unsigned}"})
    assert answer.status_code == 401


async def test_the_venues_own_clock_decides_what_is_expired(trader: Trader, control: Control) -> None:
    await control.tell("PATCH", "/settings", {"clock_offset_s": 3600})
    body = {"client_order_id": "late", "product_id": "ETH-USD", "side": "BUY", "order_configuration": market_buy("10")}
    assert (await trader.post_order(body)).status_code == 401
    (post,) = (await control.get("/audit"))["posts"]
    assert (post["authorised"], post["result"], post["order_id"]) == (False, "unauthorised", None)
    shifted = trader.headers("POST", ORDERS, nbf=int(time.time()) + 3599, exp=int(time.time()) + 3660)
    assert (await trader.http.post(ORDERS, json=body, headers=shifted)).status_code == 200


async def test_a_key_file_that_is_none_stops_the_exchange(tmp_path: Path, settings: Settings, house: House) -> None:
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(KeyUnusable, match=r"broken\.json"):
        House.build(settings.model_copy(update={"key_file": tmp_path / "broken.json"}), house.exchange.store)


async def test_public_paths_need_no_token(trader: Trader) -> None:
    for path in ("/time", "/market/products", "/market/product_book?product_id=ETH-USD"):
        assert (await trader.http.get(f"/api/v3/brokerage{path}")).status_code == 200
