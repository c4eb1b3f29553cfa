"""Who may come in: sources with their secrets, operators with their token, and how often."""

import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import SecretStr

from api.refusals import Refused
from config.settings import MIN_SECRET_LENGTH

_SIGNED = "sha256="
# Guesses are few and far between; the addresses that make them are not remembered for ever.
_FAILURES_A_MINUTE = 20
_ADDRESSES = 10_000
_MINUTE_S = 60


class Allowance:
    """So many a minute for each key, all of them at once if need be. In memory: each process counts for itself."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Use one; False when none is left."""
        left = self._now(key)
        if left < 1:
            return False
        self._remember(key, left - 1)
        return True

    def is_used_up(self, key: str) -> bool:
        return self._now(key) < 1

    def wait_s(self, key: str) -> int:
        """How long until one is left again."""
        return max(1, math.ceil((1 - self._now(key)) * _MINUTE_S / self._per_minute))

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._left)

    def _now(self, key: str) -> float:
        left, since = self._left.get(key, (float(self._per_minute), self._clock()))
        return min(self._per_minute, left + (self._clock() - since) * self._per_minute / _MINUTE_S)

    def _remember(self, key: str, left: float) -> None:
        self._left[key] = (left, self._clock())
        self._left.move_to_end(key)
        if len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)


class _How(NamedTuple):
    """How a secret is to be shown, for those who did not."""

    field: str
    fix: str


_IN_AN_ALERT = _How(
    "api_key",
    "send it as the body's api_key, as the header X-Api-Key, in the path /webhook/<source>/<secret>, "
    "or sign the body with it in X-Signature",
)
_AS_SIGNATURE = _How("X-Signature", "send sha256= and the hex HMAC-SHA256 of the raw body")
_AS_OPERATOR = _How("Authorization", "send the header Authorization: Bearer <SUREFILL_OPERATOR_TOKEN>")


class Guard:
    """Compares secrets in constant time, and makes guessing slow."""

    def __init__(self, sources: Mapping[str, SecretStr], operator_token: SecretStr, alerts_per_minute: int) -> None:
        self._sources, self._operator_token = sources, operator_token.get_secret_value()
        self._alerts, self._failures = Allowance(alerts_per_minute), Allowance(_FAILURES_A_MINUTE)

    def check_source(self, source: str) -> None:
        """Raises Refused unless the source exists. Its name is not repeated: it may be a secret in the wrong place."""
        if source not in self._sources:
            known = "no source has a secret yet" if not self._sources else "the name in the path is not among them"
            fix = "use /webhook or /webhook/hummingbot, or add the source to SUREFILL_WEBHOOK_SOURCES"
            raise Refused(404, "source_unknown", f"unknown source: {known}", fix)

    def check_secret(self, source: str, given: str | None, remote: str) -> None:
        """Raises Refused unless `given` is the source's secret."""
        secret = self._secret_of(source)
        self._check(secret, secret, given, remote, _IN_AN_ALERT)

    def check_signature(self, source: str, given: str, body: bytes, remote: str) -> None:
        """Raises Refused unless `given` is the body's HMAC-SHA256 under the source's secret."""
        secret = self._secret_of(source)
        signature = _SIGNED + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        self._check(secret, signature, given, remote, _AS_SIGNATURE)

    def check_operator(self, given: str | None, remote: str) -> None:
        """Raises Refused unless `given` is the operator token."""
        self._check(self._operator_token, self._operator_token, given, remote, _AS_OPERATOR)

    def count_alert(self, source: str) -> None:
        """Raises Refused when the source has sent too many."""
        if not self._alerts.take(source):
            fix = "send fewer, or raise SUREFILL_WEBHOOK_MAX_ALERTS_PER_MINUTE"
            text = f"source {source} sends too many alerts"
            raise Refused(429, "too_many_alerts", text, fix, retry_after_s=self._alerts.wait_s(source))

    def _secret_of(self, source: str) -> str:
        self.check_source(source)
        return self._sources[source].get_secret_value()

    def _check(self, secret: str, wanted: str, given: str | None, remote: str, how: _How) -> None:
        """Raises Refused unless `given` is `wanted`, which follows from `secret`.

        A long secret is never guessed, so a right one always comes in: many senders share one address (TradingView's,
        a proxy's), and the failures of one must not cost the alerts of another.
        """
        is_right = bool(secret and given) and _are_same(wanted, given or "")
        is_locked = self._failures.is_used_up(remote)
        if is_right and (len(secret) >= MIN_SECRET_LENGTH or not is_locked):
            return
        if is_locked:
            text, wait_s = "too many wrong secrets from this address", self._failures.wait_s(remote)
            raise Refused(429, "too_many_failures", text, "wait", field=how.field, retry_after_s=wait_s)
        self._failures.take(remote)
        what = "is missing" if not given else "is wrong"
        text = f"the secret {what}" if secret else "no secret is set up"
        raise Refused(401, "secret_wrong", text, how.fix, field=how.field)


def _are_same(wanted: str, given: str) -> bool:
    """Whether two texts are equal, in a time that tells nothing, not even a length."""
    return hmac.compare_digest(_digest(wanted), _digest(given))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
