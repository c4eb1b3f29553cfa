"""Keys and the tokens made with them: what the venue takes, until when, and that none of it is ever told."""

import base64
import json
import logging
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from domain.errors import CredentialsRefused
from tests.venues.backstage import market, send
from tests.venues.coinbase import CoinbaseBackstage, coinbase, plain_http, scripted
from tests.venues.conftest import Exchange
from venues.coinbase.keys import ApiKey, KeyUnusable

pytestmark = pytest.mark.anyio

NAME = "organizations/tests/apiKeys/one"
NO_PASSWORD = NoEncryption()


def sec1(key: EllipticCurvePrivateKey | RSAPrivateKey, password: bytes | None = None) -> str:
    """The PEM form in which keys are handed out."""
    encryption = BestAvailableEncryption(password) if password else NO_PASSWORD
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, encryption).decode()


def public_pem(key: EllipticCurvePublicKey | Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


EC = generate_ec_key(SECP256R1())
ED = Ed25519PrivateKey.generate()
ED_PUBLIC = ED.public_key().public_bytes_raw()
ED_PKCS8 = ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NO_PASSWORD).decode()


def text64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def claims(token: str) -> dict[str, Any]:
    held: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return held


@pytest.mark.parametrize("life_s", [1, 12, 110])
async def test_a_token_ends_exactly_at_its_attempts_fence(exchange: Exchange, life_s: int) -> None:
    before = datetime.now(UTC)
    async with plain_http("https://api.coinbase.com") as http:
        ticket = coinbase(http, exchange.key, timedelta(seconds=life_s)).open_attempt()
    told = claims(ticket.credential)
    assert ticket.fence_at is not None
    assert told["exp"] == ticket.fence_at.timestamp()
    assert before + timedelta(seconds=life_s - 1) < ticket.fence_at <= datetime.now(UTC) + timedelta(seconds=life_s)
    assert told["nbf"] <= before.timestamp()
    assert told["exp"] - told["nbf"] <= 120
    assert told["uri"] == "POST api.coinbase.com/api/v3/brokerage/orders"


async def test_every_attempt_has_a_token_of_its_own(backstage: CoinbaseBackstage) -> None:
    assert len({backstage.venue.open_attempt().credential for _ in range(3)}) == 3


async def test_an_order_that_arrives_after_its_fence_was_not_placed(exchange: Exchange) -> None:
    async with plain_http(exchange.venue_url) as http:
        late = coinbase(http, exchange.key, timedelta(0))
        prepared = await late.prepare(market("BUY", "0.01", "2600"), 1)
        answer = await late.submit(prepared, late.open_attempt())
    assert (answer.verdict, answer.reason_code) == ("not_placed", "VenueUnreachable")
    assert await exchange.control.results(prepared.client_order_id) == ["unauthorised"]


@pytest.mark.parametrize("ahead_s", [3600, -3600])
async def test_a_clock_that_is_an_hour_off_is_named_and_nothing_is_placed(
    backstage: CoinbaseBackstage, ahead_s: int
) -> None:
    sent = await send(backstage.venue, market("BUY", "0.01", "2600"))
    await backstage.shift_clock(ahead_s)
    prepared = await backstage.venue.prepare(market("BUY", "0.01", "2600"), 1)
    answers = [await backstage.venue.submit(each, backstage.venue.open_attempt()) for each in (prepared, sent.prepared)]
    for answer in answers:
        assert (answer.verdict, answer.reason_code) == ("rejected", "CredentialsRefused")
        assert "clock skew: our clock is " + ("-" if ahead_s > 0 else "+") in answer.evidence
    with pytest.raises(CredentialsRefused, match="clock skew"):
        await backstage.venue.report(sent.order, sent.prepared, sent.venue_order_id, datetime.now(UTC))
    assert (len(await backstage.orders(prepared)), len(await backstage.orders(sent.prepared))) == (0, 1)


async def test_a_clock_that_is_right_is_not_blamed_for_a_refused_key(exchange: Exchange) -> None:
    stranger = ApiKey(NAME, sec1(generate_ec_key(SECP256R1())))
    async with plain_http(exchange.venue_url) as http:
        venue = coinbase(http, stranger)
        prepared = await venue.prepare(market("BUY", "0.01", "2600"), 1)
        answer = await venue.submit(prepared, venue.open_attempt())
    assert (answer.verdict, answer.reason_code) == ("rejected", "CredentialsRefused")
    assert "clock" not in answer.evidence


@pytest.mark.parametrize("clock_s", [3, -50])
async def test_a_clock_that_is_a_little_off_does_no_harm_to_reads(backstage: CoinbaseBackstage, clock_s: int) -> None:
    await backstage.shift_clock(-clock_s)
    assert (await backstage.venue.quote(backstage.pair, "BUY")).levels


@pytest.mark.parametrize(
    ("text", "public_key"),
    [
        pytest.param(sec1(EC), EC.public_key(), id="ES256 PEM"),
        pytest.param(sec1(EC).replace("\n", "\\n"), EC.public_key(), id="ES256 PEM with written line ends"),
        pytest.param(f"\n {sec1(EC)} \n", EC.public_key(), id="ES256 PEM with blanks"),
        pytest.param(sec1(EC).replace("\n", "\r\n"), EC.public_key(), id="ES256 PEM from another system"),
        pytest.param(text64(ED.private_bytes_raw() + ED_PUBLIC), ED.public_key(), id="Ed25519 seed and public key"),
        pytest.param(text64(ED.private_bytes_raw()), ED.public_key(), id="Ed25519 seed"),
        pytest.param(ED_PKCS8, ED.public_key(), id="Ed25519 PEM"),
    ],
)
async def test_each_kind_of_key_that_the_portal_gives_can_trade(
    exchange: Exchange, backstage: CoinbaseBackstage, text: str, public_key: EllipticCurvePublicKey | Ed25519PublicKey
) -> None:
    registered = {"name": NAME, "public_key_pem": public_pem(public_key)}
    await backstage.control.tell("POST", "/keys", registered)
    async with plain_http(exchange.venue_url) as http:
        venue = coinbase(http, ApiKey(NAME, text))
        assert (await venue.quote(backstage.pair, "SELL")).levels
        await send(venue, market("BUY", "0.01", "2600"))


def unusable() -> dict[str, str]:
    rsa = generate_rsa_key(65537, 2048)
    return {
        "nothing": "",
        "words": "my secret key",
        "not ASCII": "schlüssel-äöü",
        "bad base64": text64(ED.private_bytes_raw())[:-3],
        "too short": text64(ED.private_bytes_raw()[:31]),
        "a secret of the older interfaces": text64(bytes(range(64))),
        "too long": text64(ED.private_bytes_raw() + ED_PUBLIC + b"x"),
        "half a PEM": sec1(EC)[:120],
        "a PEM of nothing": "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----",
        "a public key": public_pem(ED.public_key()),
        "RSA": sec1(rsa),
        "another curve": sec1(generate_ec_key(SECP384R1())),
        "locked with a password": sec1(EC, b"a-password"),
    }


UNUSABLE = unusable()


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
def test_a_key_that_cannot_sign_is_refused_at_once_and_not_shown(text: str) -> None:
    with pytest.raises(KeyUnusable) as raised:
        ApiKey(NAME, text)
    shown = "".join(traceback.format_exception(raised.value, chain=True))
    assert not any(part in shown for part in secrets_in(text))
    assert "key" in str(raised.value)


def secrets_in(text: str) -> list[str]:
    return [line for line in text.replace("\\n", "\n").splitlines() if len(line) > 8 and not line.startswith("---")]


def test_a_key_file_holds_a_name_and_a_private_key(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"name": NAME, "privateKey": sec1(EC), "principal": "ignored"}))
    assert ApiKey.from_file(path).name == NAME


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "null", "5", "[]", "{}", '{"name": "x"}', f'{{"privateKey": {json.dumps(sec1(EC))}}}'),
        *('{"name": "x", "privateKey": 5}', '{"name": "x", "privateKey": ["a"]}', '{"name": 5, "privateKey": "x"}'),
        *(sec1(EC), '{"name": "x", "privateKey": "nonsense"}'),
    ],
    ids=lambda content: content[:14],
)
def test_a_file_that_is_no_key_file_is_refused_by_its_path_and_not_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(KeyUnusable) as raised:
        ApiKey.from_file(path)
    shown = "".join(traceback.format_exception(raised.value, chain=True))
    assert not any(part in shown for part in secrets_in(sec1(EC)))


def test_a_file_that_cannot_be_read_is_refused_by_its_path(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(KeyUnusable, match=str(path)):
            ApiKey.from_file(path)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KeyUnusable):
        ApiKey.from_file(tmp_path / "bytes.json")


async def test_no_log_line_answer_or_error_shows_a_secret(
    exchange: Exchange, backstage: CoinbaseBackstage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await send(backstage.venue, market("BUY", "0.01", "2600"))
    ticket = backstage.venue.open_attempt()
    prepared = await backstage.venue.prepare(market("BUY", "0.01", "2600"), 1)
    answers = []
    for do in ({"status": 500, "body": "oops"}, {"status": 401, "body": "Unauthorized"}, {"reset": True}):
        await backstage.control.fault(do)
        answers.append(await backstage.venue.submit(prepared, ticket))
    await backstage.control.fault({"status": 401}, times=None)
    with pytest.raises(CredentialsRefused) as raised:
        await backstage.venue.quote(backstage.pair, "SELL")
    told = [caplog.text, repr(ticket), str(ticket), repr(answers), *traceback.format_exception(raised.value)]
    assert "eyJ" not in "".join(told)
    assert "PRIVATE" not in "".join(told)


async def test_a_proxy_that_quotes_the_request_does_not_bring_a_token_into_the_books(exchange: Exchange) -> None:
    venue = scripted(
        exchange.key, lambda request: httpx.Response(502, text=f"cannot forward {request.headers['authorization']}")
    )
    ticket = venue.open_attempt()
    answer = await venue.submit(await venue.prepare(market("BUY", "0.01", "2600"), 1), ticket)
    with pytest.raises(Exception, match="cannot forward") as raised:
        await venue.cancel("x")
    await venue.aclose()
    for told in (answer.evidence, str(raised.value)):
        assert "cannot forward" in told
        assert "eyJ" not in told
