"""Who may come in: sources with their secrets, operators with their token, and how often."""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from pydantic import SecretStr

from api.refusals import Refused

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

    def _now(self, key: str) -> float:
        left, since = self._left.get(key, (float(self._per_minute), self._clock()))
        return min(self._per_minute, left + (self._clock() - since) * self._per_minute / _MINUTE_S)

    def _remember(self, key: str, left: float) -> None:
        self._left[key] = (left, self._clock())
        self._left.move_to_end(key)
        if len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)


class Guard:
    """Compares secrets in constant time, and makes guessing slow."""

    def __init__(self, sources: Mapping[str, SecretStr], operator_token: SecretStr, alerts_per_minute: int) -> None:
        self._sources, self._operator_token = sources, operator_token
        self._alerts, self._failures = Allowance(alerts_per_minute), Allowance(_FAILURES_A_MINUTE)

    def source_secret(self, source: str) -> SecretStr:
        """The secret of a source. Raises Refused for an unknown one."""
        if source not in self._sources:
            known = "no source has a secret yet" if not self._sources else "that name is not among the sources"
            fix = "use /webhook or /webhook/hummingbot, or add the source to SUREFILL_WEBHOOK_SOURCES"
            raise Refused(404, "source_unknown", f"unknown source {source!r:.60}: {known}", fix)
        return self._sources[source]

    def check_secret(self, source: str, given: str | None, remote: str) -> None:
        """Raises Refused unless `given` is the source's secret."""
        self._check(self.source_secret(source), given, remote, "api_key", _HOW_TO_SHOW)

    def check_signature(self, source: str, given: str, body: bytes, remote: str) -> None:
        """Raises Refused unless `given` is the body's HMAC-SHA256 under the source's secret."""
        secret = self.source_secret(source).get_secret_value().encode()
        wanted = SecretStr(_SIGNED + hmac.new(secret, body, hashlib.sha256).hexdigest() if secret else "")
        self._check(wanted, given, remote, "X-Signature", "send sha256= and the hex HMAC-SHA256 of the raw body")

    def check_operator(self, given: str | None, remote: str) -> None:
        """Raises Refused unless `given` is the operator token."""
        fix = "send the header Authorization: Bearer <SUREFILL_OPERATOR_TOKEN>"
        self._check(self._operator_token, given, remote, "Authorization", fix)

    def count_alert(self, source: str) -> None:
        """Raises Refused when the source has sent too many."""
        if not self._alerts.take(source):
            fix = "send fewer, or raise SUREFILL_WEBHOOK_MAX_ALERTS_PER_MINUTE"
            raise Refused(429, "too_many_alerts", f"source {source} sends too many alerts", fix, retry_after_s=5)

    def _check(self, wanted: SecretStr, given: str | None, remote: str, field: str, fix: str) -> None:
        if self._failures.is_used_up(remote):
            text = "too many wrong secrets from this address"
            raise Refused(429, "too_many_failures", text, "wait a minute", field=field, retry_after_s=_MINUTE_S)
        right = wanted.get_secret_value().encode()
        if right and given and hmac.compare_digest(right, given.encode()):
            return
        self._failures.take(remote)
        what = "is missing" if not given else "is wrong"
        raise Refused(401, "secret_wrong", f"the secret {what}" if right else "no secret is set up", fix, field=field)


_HOW_TO_SHOW = (
    "send it as the body's api_key, as the header X-Api-Key, in the path /webhook/<source>/<secret>, "
    "or sign the body with it in X-Signature"
)
