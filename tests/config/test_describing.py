"""What people read about the settings is what the settings are."""

from pathlib import Path

from config.describing import describe, example_env
from config.loading import load
from config.settings import GROUPS, Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
WRITE = "python -c 'from config.describing import example_env; print(example_env(), end=\"\")' > .env.example"


def test_the_committed_example_is_the_one_that_is_made() -> None:
    assert EXAMPLE.read_bytes() == example_env().encode(), f"make it anew: {WRITE}"


def test_the_example_with_every_value_taken_in_gives_the_defaults(tmp_path: Path) -> None:
    lines = (line.removeprefix("# ") for line in example_env().splitlines() if line.startswith("# SUREFILL_"))
    path = tmp_path / ".env"
    path.write_text("\n".join(lines), encoding="utf-8")
    loaded = load({}, path)
    assert loaded.settings == Settings()
    assert sum(origin != "default" for origin in loaded.origins.values()) > 50


def test_every_setting_stands_in_exactly_one_group_and_is_explained() -> None:
    names = [name for group in GROUPS for name in group.model_fields]
    assert sorted(names) == sorted(Settings.model_fields)
    rows = describe(load({}, None))
    assert len(rows) == len(names)
    assert all(row.description and row.status and row.group for row in rows)
    assert sum(row.legacy is not None for row in rows) == 39


def test_rows_show_value_origin_and_status_but_no_secret() -> None:
    loaded = load(
        {
            "HBOT_WEBHOOK_API_KEY": "hush-hush",
            "HBOT_TRADE_AMOUNT": "25.50",
            "SUREFILL_DATABASE_URL": "postgresql://user:hush-hush@db/x",
        },
        None,
    )
    rows = {row.name: row for row in describe(loaded)}
    amount = rows["SUREFILL_TRADE_AMOUNT_USD"]
    assert (amount.value, amount.unit, amount.origin) == ("25.50", "USD", "environment HBOT_TRADE_AMOUNT")
    assert (amount.status, amount.legacy) == ("in use", "HBOT_TRADE_AMOUNT")
    assert rows["SUREFILL_WEBHOOK_API_KEY"].value == "set (hidden)"
    assert rows["SUREFILL_OPERATOR_TOKEN"].value == "not set"
    assert rows["SUREFILL_DATABASE_URL"].value == "postgresql://user:***@db/x"
    assert rows["SUREFILL_CEX_ENABLED"].value == "true"
    assert rows["SUREFILL_CEX_PREFERRED_TOKENS"].value == "ETH,BTC"
    assert rows["SUREFILL_GAS_BUFFER"].value == "1.10"
    assert rows["SUREFILL_GAS_BUFFER"].status == "read and checked; used when the DEX venues come"
    assert "hush" not in str(rows)
