"""The catalogue: what is traded, in which steps, and where its price starts."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class Product(BaseModel):
    model_config = ConfigDict(frozen=True)

    product_id: str
    base: str
    quote: str
    base_increment: Decimal
    price_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    starting_price: Decimal
    quote_increment: Decimal = Decimal("0.01")
    quote_min_size: Decimal = Decimal(1)
    quote_max_size: Decimal = Decimal(150_000_000)
    trading_disabled: bool = False


CURRENCY_NAMES = {
    "USD": "US Dollar",
    "USDC": "USDC",
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "ADA": "Cardano",
    "MATIC": "Polygon",
    "LINK": "Chainlink",
}
FIAT = frozenset({"USD"})

# product_id, base increment, price increment, base minimum, base maximum, starting price
_ROWS = (
    ("BTC-USD", "0.00000001", "0.01", "0.00000001", "3400", "67060"),
    ("ETH-USD", "0.00000001", "0.01", "0.00000001", "42000", "2500.10"),
    ("SOL-USD", "0.00000001", "0.01", "0.00000001", "680000", "150"),
    ("ADA-USD", "0.00000001", "0.0001", "0.00000001", "55000000", "0.45"),
    ("MATIC-USD", "0.1", "0.0001", "0.1", "40000000", "0.55"),
    ("LINK-USD", "0.01", "0.001", "0.01", "2700000", "15"),
    ("BTC-USDC", "0.00000001", "0.01", "0.00000001", "3400", "67060"),
    ("ETH-USDC", "0.00000001", "0.01", "0.00000001", "42000", "2500.10"),
)


def _product(row: tuple[str, str, str, str, str, str]) -> Product:
    product_id, base_increment, price_increment, smallest, largest, price = row
    base, quote = product_id.split("-")
    return Product(
        product_id=product_id,
        base=base,
        quote=quote,
        base_increment=Decimal(base_increment),
        price_increment=Decimal(price_increment),
        base_min_size=Decimal(smallest),
        base_max_size=Decimal(largest),
        starting_price=Decimal(price),
    )


CATALOGUE: dict[str, Product] = {row[0]: _product(row) for row in _ROWS}
