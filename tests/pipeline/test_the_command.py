"""Issue: the terminal; exit codes that scripts can use, JSON everywhere."""

import json
from typing import Any

import pytest

from tests.pipeline.stack import Stack

pytestmark = pytest.mark.slow


def said(stack: Stack, *arguments: str, code: int = 0) -> str:
    done = stack.run(*arguments, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def told(stack: Stack, *arguments: str, code: int = 0) -> Any:
    done = stack.run(*arguments, "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_signal_is_followed_to_its_fill(stack: Stack) -> None:
    text = said(stack, "send", "BUY", "ETH-USD", "--usd", "25")
    assert "attempt 1 accepted" in text
    assert "filled 0.0" in text


def test_the_finished_trade_comes_as_json(stack: Stack) -> None:
    trade = told(stack, "send", "SELL", "ETH-USD", "--base", "0.01", "--strategy", "trend", "--note", "why not")
    assert (trade["outcome"]["kind"], trade["outcome"]["filled_base"]) == ("filled", "0.01")
    assert (trade["signal"]["strategy"], trade["signal"]["note"]) == ("trend", "why not")


def test_exit_codes_say_how_it_ended(stack: Stack) -> None:
    stack.control("POST", "/prices", json={"product_id": "ETH-USD", "price": "2500"})
    assert "largest order" in said(stack, "send", "BUY", "ETH-USD", "--usd", "500", code=3)
    assert (
        told(stack, "send", "BUY", "ETH-USD", "--limit", "2400", "--cancel-after", "1", code=3)["outcome"]["kind"]
        == "expired"
    )
    resting = said(stack, "send", "BUY", "ETH-USD", "--limit", "2400", "--timeout", "1", code=7)
    assert "still going on" in resting
    trade_id = told(stack, "trades", "--status", "open")["trades"][0]["trade_id"]
    assert told(stack, "cancel", trade_id, "--reason", "enough")["requested"]
    stack.closed(trade_id)
    assert "too late" in said(stack, "cancel", trade_id, "--reason", "enough", code=1)


def test_the_same_id_is_traded_once(stack: Stack) -> None:
    first = told(stack, "send", "BUY", "ETH-USD", "--usd", "25", "--id", "mine")
    again = told(stack, "send", "BUY", "ETH-USD", "--usd", "25", "--id", "mine")
    assert first["trade_id"] == again["trade_id"]


def test_a_wrong_signal_names_the_field_and_the_fix(stack: Stack) -> None:
    assert "send BUY or SELL" in said(stack, "send", "HOLD", "ETH-USD", code=1)
    assert "SUREFILL_CEX_TRADING_PAIRS" in said(stack, "send", "BUY", "DOGE-USD", code=1)


def test_a_halt_stops_trading_until_it_is_lifted(stack: Stack) -> None:
    assert "trading is halted" in said(stack, "halt", "--reason", "the exchange misbehaves")
    assert "the exchange misbehaves" in said(stack, "send", "BUY", "ETH-USD", "--usd", "25", code=3)
    assert "trading goes on" in said(stack, "resume", "--reason", "all is well")
    said(stack, "send", "BUY", "ETH-USD", "--usd", "25")


def test_everything_can_be_read(stack: Stack) -> None:
    trade_id = told(stack, "send", "BUY", "ETH-USD", "--usd", "25")["trade_id"]
    assert trade_id in said(stack, "trades", "--outcome", "filled")
    assert "route chosen" in said(stack, "trade", trade_id)
    assert told(stack, "trade", trade_id)["fills"]
    assert "ETH-USD" in said(stack, "positions")
    assert told(stack, "positions")[0]["account"] == "coinbase-paper"
    assert "accepted" in said(stack, "alerts")
    assert said(stack, "trade", "no-such-trade", code=1)


def test_settings_show_where_they_come_from_and_no_secret(stack: Stack) -> None:
    rows = {row["name"]: row for row in told(stack, "settings")["settings"]}
    assert rows["SUREFILL_MAX_DAILY_TRADES"]["origin"] == "environment SUREFILL_MAX_DAILY_TRADES"
    assert rows["SUREFILL_CANCEL_AFTER_S"]["unit"] == "s"
    text = said(stack, "settings")
    assert "webhook-secret-of-the-tests" not in text
    assert "operator-token-of-the-tests" not in text


def test_an_api_that_is_not_there_has_a_code_of_its_own(stack: Stack) -> None:
    stack.parts["api-1"].kill()
    assert "is surefill up?" in said(stack, "trades", code=6)
