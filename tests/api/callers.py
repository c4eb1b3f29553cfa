"""Who schemathesis says it is: every call comes from an address of its own, and a friend shows the secrets.

schemathesis loads this in its own process, see `SCHEMATHESIS_HOOKS`. `FRIEND` in its environment: the secret of the
source `default`, and the id of a trade.
"""

import itertools
import json
import os
from typing import Any

import schemathesis

_numbers = itertools.count()
_secret, _, _trade_id = os.environ.get("FRIEND", "").partition(" ")
# Wrong secrets slow an address down: from one address most answers would be a 429.
_ADDRESSES = 256**3


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    number = next(_numbers)
    high, low = divmod(number % _ADDRESSES, 256)
    case.headers["X-Forwarded-For"] = f"10.{high // 256}.{high % 256}.{low}"
    if _secret and number % 2:
        _come_as_a_friend(case, number)


def _come_as_a_friend(case: schemathesis.Case[Any], number: int) -> None:
    """What nobody would guess: the secret, the name of a source, an id of a trade."""
    if "source" in case.path_parameters:
        case.path_parameters["source"] = "default"
    if "secret" in case.path_parameters:
        case.path_parameters["secret"] = _secret
    if "trade_id" in case.path_parameters:
        case.path_parameters["trade_id"] = _trade_id
    if case.path.startswith("/webhook"):
        case.headers["X-Api-Key"] = _secret
        case.headers.pop("X-Signature", None)
        if number % 4 == 1:
            case.body = json.dumps({"action": "BUY", "symbol": "ETH-USD", "amount": 25, "id": str(number)})
