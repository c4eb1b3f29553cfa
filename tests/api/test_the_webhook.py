"""POST /webhook: who may send, what comes back, and what is one alert."""

import hashlib
import hmac
import json

import pytest
from temporalio.client import Client

from ledger.ledger import Ledger
from tests.api.conftest import (
    OPERATOR,
    OWN_SECRET,
    SECRET,
    TOKEN,
    Api,
    Body,
    ago,
    alert,
    body_of,
    doors_over,
)

pytestmark = pytest.mark.anyio

BODY = json.dumps(alert())


def signature(body: str = BODY, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


# Who may send


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/webhook", alert(api_key=SECRET), {}),
        ("/webhook/hummingbot", alert(api_key=SECRET), {}),
        ("/webhook/tradingview", alert(api_key=SECRET), {}),
        ("/webhook/alpha", alert(api_key=OWN_SECRET), {}),
        ("/webhook", BODY, {"X_Api_Key": SECRET}),
        ("/webhook/alpha", BODY, {"X_Api_Key": OWN_SECRET}),
        ("/webhook/alpha", alert(api_key="another one"), {"X_Api_Key": OWN_SECRET}),
        ("/webhook", alert(api_key=SECRET), {"X_Api_Key": "", "X_Signature": " "}),
        (f"/webhook/default/{SECRET}", BODY, {}),
        (f"/webhook/alpha/{OWN_SECRET}", BODY, {}),
        ("/webhook/default/", alert(api_key=SECRET), {}),
        ("/webhook", BODY, {"X_Signature": signature()}),
        ("/webhook/alpha", BODY, {"X_Signature": signature(secret=OWN_SECRET)}),
        ("/signals", BODY, OPERATOR),
        ("/signals", BODY, {"Authorization": f"bearer {TOKEN}"}),
    ],
)
async def test_a_secret_may_be_shown_in_every_way(api: Api, path: str, body: Body, headers: dict[str, str]) -> None:
    answer = await api.request("POST", path, body, **headers)
    assert (answer.status_code, answer.json()["duplicate"]) == (202, False)
    assert await api.fates() == [("accepted", "")]


@pytest.mark.parametrize(
    ("path", "body", "headers", "field"),
    [
        ("/webhook", BODY, {}, "api_key"),
        ("/webhook", alert(api_key="wrong"), {}, "api_key"),
        ("/webhook", alert(api_key=OWN_SECRET), {}, "api_key"),
        ("/webhook", b'{"api_key": "\\ud800", "action": "BUY"}', {}, "api_key"),
        ("/webhook/alpha", alert(api_key=SECRET), {}, "api_key"),
        ("/webhook", alert(api_key=SECRET), {"X_Api_Key": "wrong"}, "api_key"),
        ("/webhook", BODY, {"X_Api_Key": SECRET[:-1]}, "api_key"),
        ("/webhook", BODY, {"X_Api_Key": SECRET.upper()}, "api_key"),
        (f"/webhook/alpha/{SECRET}", BODY, {}, "api_key"),
        (f"/webhook/default/{SECRET}/more", BODY, {}, "api_key"),
        ("/webhook/default/wrong", alert(api_key=SECRET), {}, "api_key"),
        ("/webhook", BODY, {"X_Signature": signature(BODY + " ")}, "X-Signature"),
        ("/webhook", BODY, {"X_Signature": signature(secret=OWN_SECRET)}, "X-Signature"),
        ("/webhook", BODY, {"X_Signature": signature().removeprefix("sha256=")}, "X-Signature"),
        ("/webhook", BODY, {"X_Signature": "sha256=", "X_Api_Key": SECRET}, "X-Signature"),
        ("/signals", alert(api_key=SECRET), {}, "Authorization"),
        ("/signals", BODY, {"Authorization": f"Bearer {SECRET}"}, "Authorization"),
        ("/signals", BODY, {"Authorization": TOKEN}, "Authorization"),
        ("/signals", BODY, {"Authorization": f"Basic {TOKEN}"}, "Authorization"),
        ("/signals", BODY, {"X_Api_Key": TOKEN}, "Authorization"),
    ],
)
async def test_without_the_right_secret_nothing_happens(
    api: Api, path: str, body: Body, headers: dict[str, str], field: str
) -> None:
    answer = await api.request("POST", path, body, **headers)
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (401, "secret_wrong", field)
    assert told["message"]
    assert told["fix"]
    assert await api.record() == []


async def test_a_source_without_a_secret_lets_nobody_in(ledger: Ledger, dead_temporal: Client) -> None:
    nobody = Api(doors_over(ledger, dead_temporal, webhook_api_key="", operator_token="", webhook_host="127.0.0.1"))
    assert (await nobody.request("POST", "/webhook", alert(api_key=""))).json()["code"] == "source_unknown"
    for token in ("", "Bearer ", "Bearer None"):
        assert (await nobody.request("POST", "/signals", BODY, Authorization=token)).status_code == 401


async def test_an_unknown_source_is_not_repeated(api: Api) -> None:
    for path in (f"/webhook/{SECRET}", f"/webhook/nobody/{SECRET}", "/webhook/Alpha"):
        answer = await api.request("POST", path, BODY)
        assert (answer.status_code, answer.json()["code"]) == (404, "source_unknown")
        assert SECRET not in answer.text


@pytest.mark.parametrize("secret", ["with/a+slash=and more", "gänsefüßchen-\u201c-\U0001f986", "ends with a percent %"])
async def test_a_secret_may_have_any_characters(ledger: Ledger, dead_temporal: Client, secret: str) -> None:
    api = Api(doors_over(ledger, dead_temporal, webhook_api_key=secret))
    quoted = "".join(f"%{byte:02X}" for byte in secret.encode()).encode()
    knocks = [
        (b"/webhook/default/" + quoted, []),
        (b"/webhook/default", [(b"x-api-key", secret.encode())]),
        (b"/webhook/default", [(b"x-signature", signature(secret=secret).encode())]),
    ]
    for target, headers in knocks:
        answer = await api.by_hand("POST", target, headers, body_of(BODY.encode()))
        assert answer.status == 202, target
    assert (await api.request("POST", "/webhook", alert(api_key=secret))).status_code == 202


# How often


async def test_too_many_alerts_are_refused_and_recorded(ledger: Ledger, dead_temporal: Client) -> None:
    api = Api(doors_over(ledger, dead_temporal, webhook_max_alerts_per_minute=2))
    answers = [await api.send(body) for body in (alert(id="1"), b"unreadable", alert(id="3"), b"unreadable")]
    assert [answer.status_code for answer in answers] == [202, 400, 429, 429]
    refusal = answers[2].json()
    assert refusal["code"] == "too_many_alerts"
    assert int(answers[2].headers["Retry-After"]) == 30
    fates = await api.fates()
    assert fates == [("accepted", ""), ("refused", "body_unreadable"), *[("refused", "too_many_alerts")] * 2]
    assert (await api.send(alert(api_key=OWN_SECRET), "/webhook/alpha", X_Api_Key="")).status_code == 202


async def test_wrong_secrets_slow_their_address_down_and_no_other(api: Api) -> None:
    wrong = [await api.send(BODY, X_Api_Key=f"guess {number}") for number in range(21)]
    assert [answer.status_code for answer in wrong] == [401] * 20 + [429]
    assert wrong[-1].json()["code"] == "too_many_failures"
    assert int(wrong[-1].headers["Retry-After"]) >= 1
    assert (await api.send(BODY, X_Api_Key="guess", remote="198.51.100.1")).status_code == 401
    assert (await api.operate("GET", "/trades", Authorization="Bearer guess")).status_code == 429


async def test_a_right_secret_that_cannot_be_guessed_is_never_locked_out(api: Api) -> None:
    for number in range(25):
        await api.send(BODY, X_Api_Key=f"somebody else behind the same address {number}")
    assert (await api.send(BODY)).status_code == 202
    assert (await api.request("POST", "/webhook", BODY, X_Signature=signature())).status_code == 202
    assert (await api.operate("GET", "/halt")).status_code == 200


async def test_a_short_secret_is_right_after_few_failures_and_locked_after_many(
    ledger: Ledger, dead_temporal: Client
) -> None:
    api = Api(doors_over(ledger, dead_temporal, webhook_api_key="short", webhook_host="127.0.0.1"))
    for number in range(5):
        assert (await api.send(BODY, X_Api_Key=f"guess {number}")).status_code == 401
    assert (await api.send(BODY, X_Api_Key="short")).status_code == 202
    for number in range(16):
        await api.request("POST", "/webhook", BODY, X_Signature=signature(secret=f"guess {number}"))
    assert (await api.send(BODY, X_Api_Key="short")).status_code == 429
    signed = await api.request("POST", "/webhook", BODY, X_Signature=signature(secret="short"))
    assert signed.status_code == 429
    assert (await api.send(BODY, X_Api_Key="short", remote="198.51.100.1")).status_code == 202


# What comes back


async def test_an_accepted_alert_gets_its_ids_and_where_to_look(api: Api) -> None:
    answer = await api.send(alert(unheard_of="1"))
    told = answer.json()
    trade_id = told["trade_id"]
    assert told == {
        "trade_id": trade_id,
        "signal_id": trade_id.removesuffix("-entry"),
        "duplicate": False,
        "differs": False,
        "warnings": ["ignored field 'unheard_of'"],
        "links": {
            "trade": f"http://127.0.0.1:3002/trades/{trade_id}",
            "temporal": f"http://127.0.0.1:8233/namespaces/default/workflows/trade-{trade_id}",
        },
    }
    (waiting,) = await api.ledger.signals.not_started(10)
    assert waiting.trade_id == trade_id
    (line,) = await api.record()
    assert (line.fate, line.signal_id, line.remote) == ("accepted", told["signal_id"], "203.0.113.7")


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "image/png", "multipart/form-data", "\xff"])
@pytest.mark.parametrize(
    "body",
    [
        BODY,
        '{"action": "BUY", "symbol": "ETH-USD", "amount": 25, "price": {{close}}}',
        "{\u201caction\u201d: \u201cBUY\u201d, \u201csymbol\u201d: \u201cETH-USD\u201d, \u201camount\u201d: 25}",
        "ACTION=BUY\nSYMBOL=ETH-USD\nAMOUNT=25",
    ],
)
async def test_a_body_is_read_by_its_content_whatever_the_header_says(api: Api, body: str, content_type: str) -> None:
    headers = [(b"x-api-key", SECRET.encode()), (b"content-type", content_type.encode("latin-1"))]
    answer = await api.by_hand("POST", b"/webhook", headers, body_of(body.encode()))
    assert answer.status == 202
    (signal,) = await api.ledger.signals.not_started(10)
    assert signal.headline == "BUY ETH-USD, 25 USD, market"


async def test_the_bot_before_is_understood_unchanged(api: Api) -> None:
    legacy = {
        "api_key": SECRET,
        "action": "SELL",
        "symbol": "ETHUSDC",
        "exchange": "coinbase_advanced_trade",
        "network": "mainnet",
        "pool_type": "amm",
        "amount": "10",
        "percentage": "50",
    }
    assert (await api.request("POST", "/webhook/hummingbot", legacy)).status_code == 202
    (signal,) = await api.ledger.signals.not_started(10)
    assert signal.headline == "SELL ETH-USDC, 50 % of ETH, market"


# What is one alert


async def test_a_duplicate_gets_the_first_answer(api: Api) -> None:
    first = (await api.send(alert())).json()
    again = (await api.send("action=BUY\namount=25\nsymbol=ETH-USD")).json()
    assert again == {**first, "duplicate": True}
    assert await api.fates() == [("accepted", ""), ("duplicate", "")]
    assert len(await api.ledger.signals.not_started(10)) == 1


async def test_the_same_id_is_one_alert_for_ever_and_differs_says_so(ledger: Ledger, dead_temporal: Client) -> None:
    api = Api(doors_over(ledger, dead_temporal, duplicate_window_s=0))
    first = (await api.send(alert(id="7"))).json()
    again = (await api.send(alert(id="7"))).json()
    other = (await api.send(alert(id="7", amount="26"))).json()
    assert again == {**first, "duplicate": True}
    assert other == {**first, "duplicate": True, "differs": True}
    elsewhere = (await api.send(alert(id="7"), "/webhook/alpha", X_Api_Key=OWN_SECRET)).json()
    assert not elsewhere["duplicate"]


async def test_after_the_window_an_alert_without_an_id_is_a_new_one(ledger: Ledger, dead_temporal: Client) -> None:
    api = Api(doors_over(ledger, dead_temporal, duplicate_window_s=0))
    answers = [(await api.send(alert())).json() for _ in range(2)]
    assert [answer["duplicate"] for answer in answers] == [False, False]
    assert answers[0]["trade_id"] != answers[1]["trade_id"]


async def test_the_same_alert_with_a_time_of_its_own_is_the_same_after_the_window_too(
    ledger: Ledger, dead_temporal: Client
) -> None:
    api, fired_at = Api(doors_over(ledger, dead_temporal, duplicate_window_s=0)), ago(5)
    answers = [(await api.send(alert(time=fired_at))).json() for _ in range(2)]
    assert [answer["duplicate"] for answer in answers] == [False, True]


async def test_a_stale_alert_is_recorded_and_refused(api: Api) -> None:
    answer = await api.send(alert(time=ago(121)))
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "signal_stale", "time")
    assert await api.fates() == [("refused", "signal_stale")]
    assert await api.ledger.signals.not_started(10) == []


async def test_a_late_copy_of_an_accepted_alert_is_its_duplicate(ledger: Ledger, dead_temporal: Client) -> None:
    patient = Api(doors_over(ledger, dead_temporal))
    strict = Api(doors_over(ledger, dead_temporal, max_signal_age_s=30))
    body = alert(id="9", time=ago(60))
    first = (await patient.send(body)).json()
    again = await strict.send(body)
    assert (again.status_code, again.json()) == (202, {**first, "duplicate": True})
