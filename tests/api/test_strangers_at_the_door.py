"""What an alert asks for is read exactly or refused, whoever wrote it and however it comes over the line."""

import json
import logging
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.bodies import MAX_BODY_BYTES
from domain.pairs import parse_pair
from domain.signals import Signal
from tests.api.conftest import SECRET, Answer, Api, alert, body_of
from tests.api.test_attacks import SECRETS, addresses, check
from tests.fuzzing import tried

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

RIGHT = [(b"x-api-key", SECRET.encode())]
SIZES = ("amount", "base_amount", "percentage", "limit_price", "price", "cancel_after_s")
NUMBERS = st.one_of(
    st.sampled_from(
        [
            *("NaN", "-NaN", "Infinity", "-Infinity", "1e999999", "1e-999999", "1E400", "-1e400", "0", "-0", "-0.0"),
            *("1e18", "1e-18", "1e-19", "999999999999999999", "1000000000000000000", "9" * 5000, "0." + "0" * 18 + "1"),
            *(
                "1_000",
                "1,000",
                "0x10",
                "+5",
                "5.",
                ".5",
                "\u0662\u0665",
                "\uff12\uff15",
                "1e+2",
                "1E2",
                "1e",
                "25 ",
                "2 5",
                "25USD",
            ),
            *("25\u200b", "\u202e52", "\ufeff25", "25\0", "1e0000000000000000002", "00025", "1/2", "25%", "$25", "--5"),
        ]
    ),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.floats().map(repr),
    st.integers().map(str),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(
            ["\0", "\ufeff", "\u202e", "\u2066", "\u200b", "\u200d", "\ud800", "\udfff", "\n", "\x1b[31m", "a"]
        ),
        max_size=8,
    ).map("".join),
)


async def taken(
    api: Api, body: bytes, headers: Sequence[tuple[bytes, bytes]] = RIGHT, path: bytes = b"/webhook"
) -> Answer:
    answer = await api.by_hand("POST", path, list(headers), body_of(body), next(addresses))
    check(answer)
    return answer


async def kept(api: Api) -> list[Signal]:
    """What the last alert became, taken off the waiting list."""
    signals = list(await api.ledger.signals.not_started(100))
    await api.ledger.signals.mark_started([signal.signal_id for signal in signals])
    return signals


def exactly(text: str) -> Decimal | None:
    """What a text says, to the last digit, if it is a plain number."""
    try:
        return Decimal(text.strip()) if text.isascii() and "_" not in text else None
    except InvalidOperation:
        return None


@given(name=st.sampled_from(SIZES), text=NUMBERS, is_quoted=st.booleans(), action=st.sampled_from(["BUY", "SELL"]))
@tried(250)
@example(name="amount", text="1e999999", is_quoted=False, action="BUY")
@example(name="price", text="NaN", is_quoted=False, action="BUY")
async def test_a_number_is_traded_to_the_last_digit_or_not_at_all(
    api: Api, name: str, text: str, is_quoted: bool, action: str
) -> None:
    value = json.dumps(text) if is_quoted else text
    body = f'{{"action": "{action}", "symbol": "ETH-USD", "{name}": {value}}}'
    answer = await taken(api, body.encode("utf-8", "surrogatepass"))
    signals = await kept(api)
    if answer.status != 202:
        assert (answer.status, signals) in ((400, []), (422, []))
        return
    for signal in signals:
        read = getattr(signal, name)
        assert read == exactly(text) or (read is None and answer.json()["warnings"])
        others = {"amount", "base_amount", "percentage", "limit_price", "price", "cancel_after_s"} - {name}
        assert all(getattr(signal, other) is None for other in others)


@given(ticker=TEXTS | st.sampled_from(["ETHUSD", "eth/usd", "X:ETH_USDC", "BTC-USD", "ETHUSDT.P", "ETH-USD\u200b"]))
@tried(150)
async def test_a_ticker_is_traded_as_it_reads_or_not_at_all(api: Api, ticker: str) -> None:
    answer = await taken(api, json.dumps(alert(symbol=ticker)).encode())
    for signal in await kept(api):
        assert signal.pair == parse_pair(ticker)
    assert answer.status in (202, 422)


@given(name=st.sampled_from(["note", "strategy", "id", "network", "exchange", "pool_type", "time", "x"]), text=TEXTS)
@tried(250)
async def test_a_text_is_kept_as_it_was_sent_or_refused(api: Api, name: str, text: str) -> None:
    body = json.dumps(alert(**{name: text}))
    # JSON joins two halves of a character that stand side by side.
    sent = json.loads(body)[name].strip()
    answer = await taken(api, body.encode())
    assert answer.status in (202, 422)
    for signal in await kept(api):
        read = {"note": signal.note, "strategy": signal.strategy, "id": signal.explicit_id, "network": signal.network}
        assert read.get(name) in (None, sent)
        signal.model_dump_json().encode()
    (line,) = await api.ledger.reading.alerts(1)
    assert "\0" not in line.body + line.reason


@given(
    where=st.sampled_from(
        ["note", "id", "strategy", "symbol", "action", "amount", "exchange", "time", "x", "name", "deep"]
    ),
    secret=st.sampled_from(SECRETS),
    around=st.tuples(TEXTS, TEXTS),
    is_broken=st.booleans(),
)
@tried(250)
async def test_a_secret_shows_nowhere_wherever_it_was_put(
    api: Api, caplog: pytest.LogCaptureFixture, where: str, secret: str, around: tuple[str, str], is_broken: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    text = secret.join(around)
    fields = alert(**{where: text})
    if where == "name":
        fields = alert(**{text: "1"})
    if where == "deep":
        fields = alert(x={"y": [text, {text: text}]})
    body = json.dumps(fields).encode()
    answer = await taken(api, body[:-1] if is_broken else body, path=f"/webhook/default/{SECRET}".encode(), headers=[])
    (line,) = await api.ledger.reading.alerts(1)
    said = answer.content.decode() + repr(answer.headers) + caplog.text + line.model_dump_json()
    said += "".join(signal.model_dump_json() for signal in await kept(api))
    assert not [hidden for hidden in SECRETS if hidden in said]


@given(
    sizes=st.lists(st.integers(0, 40), max_size=8), body=st.sampled_from([json.dumps(alert()), '{"action": "BUY', ""])
)
@tried(60)
async def test_a_body_in_pieces_is_the_same_body(api: Api, sizes: list[int], body: str) -> None:
    rest, pieces = body.encode(), []
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    whole = await taken(api, body.encode())
    split = await api.by_hand("POST", b"/webhook", RIGHT, body_of(*pieces, rest), next(addresses))
    assert split.status == whole.status
    differs = {"duplicate": True} if whole.status == 202 else {}
    assert split.json() == {**whole.json(), **differs}


@given(
    size=st.integers(MAX_BODY_BYTES - 3, MAX_BODY_BYTES + 3), pieces=st.integers(1, 5), filler=st.sampled_from("x {[")
)
@tried(40)
async def test_the_limit_of_a_body_is_the_same_in_one_piece_and_in_many(
    api: Api, size: int, pieces: int, filler: str
) -> None:
    body = (filler * size).encode()
    step = -(-size // pieces)
    chunks = [body[start : start + step] for start in range(0, size, step)]
    answer = await api.by_hand("POST", b"/webhook", RIGHT, body_of(*chunks), next(addresses))
    check(answer)
    assert answer.status == (413 if size > MAX_BODY_BYTES else 400)


@given(
    depth=st.integers(1, 3000),
    opening=st.sampled_from(["[", '{"a":']),
    known=st.sampled_from(["amount", "x", "note", "api_key"]),
    is_closed=st.booleans(),
)
@tried(60)
async def test_depth_is_no_way_in(api: Api, depth: int, opening: str, known: str, is_closed: bool) -> None:
    closing = "]" if opening == "[" else "}"
    inner = opening * depth + "1" + closing * depth * is_closed
    body = f'{{"action": "BUY", "symbol": "ETH-USD", "{known}": {inner}}}'
    answer = await taken(api, body.encode())
    assert answer.status in ((202, 400, 422) if known == "x" else (400, 422))
    assert answer.status != 202 or depth <= 20
    await kept(api)


@given(
    name=st.sampled_from(["action", "amount", "symbol", "id", "x"]), values=st.tuples(TEXTS, TEXTS), case=st.booleans()
)
@tried(60)
async def test_a_field_that_stands_twice_is_never_chosen_from(
    api: Api, name: str, values: tuple[str, str], case: bool
) -> None:
    twice = [
        f"{json.dumps(name.upper() if case else name)}: {json.dumps(values[0])}",
        f'"{name}": {json.dumps(values[1])}',
    ]
    body = "{" + ", ".join([*twice, *(f'"{key}": "{value}"' for key, value in alert().items() if key != name)]) + "}"
    answer = await taken(api, body.encode())
    assert (answer.status, answer.json()["code"]) == (422, "field_duplicate")
    assert await kept(api) == []
