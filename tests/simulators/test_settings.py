"""What the exchange may be told."""

from decimal import Decimal

import pytest

from simulators.exchange.settings import SettingsError, load_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = load_settings({"HOME": "/root"})
    assert (settings.host, settings.port, settings.control_port) == ("127.0.0.1", 8780, 8781)
    assert settings.balances["USD"] == Decimal(100000)
    assert settings.prices == "synthetic"


def test_settings_are_read_from_the_environment() -> None:
    settings = load_settings({"EXCHANGE_BALANCES": "usd=5.50, ETH=0", "EXCHANGE_TAKER_FEE_RATE": "0"})
    assert settings.balances == {"USD": Decimal("5.50"), "ETH": Decimal(0)}
    assert settings.taker_fee_rate == 0


def test_a_misspelt_setting_names_the_nearest_right_one() -> None:
    with pytest.raises(SettingsError, match=r"EXCHANGE_CONTROLPORT is no setting.*EXCHANGE_CONTROL_PORT"):
        load_settings({"EXCHANGE_CONTROLPORT": "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "70000"), ("PRICES", "wild"), ("BALANCES", "USD:5"), ("MAKER_FEE_RATE", "NaN"), ("SEED", "one")],
)
def test_an_unusable_value_names_its_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"EXCHANGE_{name}: "):
        load_settings({f"EXCHANGE_{name}": value})
