"""The trip of an alert through the door: secret, body, signal, ledger. Only then comes the answer."""

import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from api.guarding import Allowance, Guard
from api.refusals import Refused
from domain.alerts import AlertRefused, Fields, alert_key, body_hash, check_age, read_body, redacted_text, to_signal
from domain.bodies import MASK
from domain.errors import PairUnknown
from domain.pairs import Pair
from domain.routing import traded_pair
from domain.signals import Signal, new_signal_id
from domain.texts import legible
from ledger.ledger import Ledger
from ledger.signals import Alert, Kept

log = logging.getLogger(__name__)

T = TypeVar("T")

# Without the letters and digits that people mix up.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_TOKEN_LENGTH = 8
_MAX_RECORD = 4096
# What follows a name like a secret's, in a body that cannot be read.
_SECRET_IN_TEXT = re.compile(
    r"(?i)((?:api.?key|secret|token|passw|passphrase|private|auth)[\w.-]{0,40}+\W{1,6})[^\s\"',;}]+"
)
# Alerts beyond what a source may send are recorded too, until that itself would be a flood.
_FLOOD_RECORDS_A_MINUTE = 600


@dataclass(frozen=True)
class Policy:
    """What of the settings an alert is held to."""

    max_signal_age_s: int
    duplicate_window_s: int
    tradable_pairs: tuple[Pair, ...]
    cex_enabled: bool


@dataclass(frozen=True)
class Knock:
    """An alert at the door: who says it is, and what shows it. `is_operator`: the operator token was checked."""

    source: str
    remote: str
    body: bytes = field(default=b"", repr=False)
    secret: str | None = field(default=None, repr=False)
    signature: str | None = field(default=None, repr=False)
    is_operator: bool = False

    @property
    def shows_itself(self) -> bool:
        """Whether the sender can be told without reading the body."""
        return self.is_operator or self.secret is not None or self.signature is not None


@dataclass(frozen=True)
class Taken:
    """What became of an alert that was kept, now or before."""

    kept: Kept
    warnings: tuple[str, ...]


class Intake:
    """Takes alerts in. `on_kept`: told of every new signal once it is kept, and must return at once.

    `received_at`: when what is read now came in.
    """

    def __init__(
        self,
        ledger: Ledger,
        guard: Guard,
        policy: Policy,
        secrets_to_hide: Iterable[SecretStr],
        on_kept: Callable[[Signal], None],
        received_at: Callable[[], datetime],
    ) -> None:
        self._ledger, self._guard, self._policy, self._on_kept = ledger, guard, policy, on_kept
        self._received_at = received_at
        self._secrets = _spellings(secret.get_secret_value() for secret in secrets_to_hide)
        self._flood_records = Allowance(_FLOOD_RECORDS_A_MINUTE)

    async def take(self, knock: Knock) -> Taken:
        """Keep the alert. Raises Refused; an alert whose sender is known is recorded also then."""
        if knock.shows_itself:
            self._check_knock(knock)
        else:
            self._guard.check_source(knock.source)
        fields = await self._fields(knock)
        if not knock.shows_itself:
            self._guard.check_secret(knock.source, fields.secret, knock.remote)
        fields = fields.hiding(self._secrets)
        text = redacted_text(fields, self._secrets)
        await self._count(knock, text)
        return await self._take(knock, fields, text)

    async def give_up(self, knock: Knock, refused: Refused) -> None:
        """Record an alert whose body was not read, if its sender is known without it. Raises Refused if it is not."""
        if knock.shows_itself and knock.signature is None:
            self._check_knock(knock)
            await self._count(knock, "")
            await self._record(_nameless(knock, ""), _as_alert_refused(refused))

    def _check_knock(self, knock: Knock) -> None:
        if knock.signature is not None:
            self._guard.check_signature(knock.source, knock.signature, knock.body, knock.remote)
        elif not knock.is_operator:
            self._guard.check_secret(knock.source, knock.secret, knock.remote)

    async def _fields(self, knock: Knock) -> Fields:
        try:
            return read_body(knock.body)
        except AlertRefused as error:
            error = self._hiding(error)
            if knock.shows_itself:
                text = self._text_of(knock.body)
                await self._count(knock, text)
                await self._record(_nameless(knock, text), error)
            raise Refused.of_alert(error) from None

    async def _count(self, knock: Knock, text: str) -> None:
        """Raises Refused when the source sends too many."""
        try:
            self._guard.count_alert(knock.source)
        except Refused as refused:
            if self._flood_records.take(knock.source):
                await self._record(_nameless(knock, text), _as_alert_refused(refused))
            raise

    async def _take(self, knock: Knock, fields: Fields, text: str) -> Taken:
        try:
            signal, warnings = self._signal(knock, fields)
            alert = self._alert(knock, fields, signal, text)
        except AlertRefused as error:
            await self._record(_nameless(knock, text), error)
            raise Refused.of_alert(error) from error
        try:
            check_age(signal, datetime.now(UTC), self._policy.max_signal_age_s)
        except AlertRefused as error:
            earlier = await self._record(alert, error)
            if earlier is None:
                raise Refused.of_alert(error) from error
            return Taken(earlier, warnings)
        kept = await _stored(self._ledger.signals.keep(alert, signal))
        log.info("alert_%s source=%s trade_id=%s", _fate(kept), knock.source, kept.signal.trade_id)
        if not kept.duplicate:
            self._on_kept(kept.signal)
        return Taken(kept, warnings)

    def _alert(self, knock: Knock, fields: Fields, signal: Signal, text: str) -> Alert:
        # With an id or a time of its own, the same alert is the same for ever: a repeat is a repeat.
        is_named = signal.explicit_id is not None or signal.alerted_at is not None
        window = None if is_named else timedelta(seconds=self._policy.duplicate_window_s)
        return Alert(
            source=knock.source,
            remote=knock.remote,
            body=text,
            key=alert_key(knock.source, fields),
            body_hash=body_hash(fields),
            window=window,
        )

    def _signal(self, knock: Knock, fields: Fields) -> tuple[Signal, tuple[str, ...]]:
        now = self._received_at()
        token = "".join(secrets.choice(_LETTERS) for _ in range(_TOKEN_LENGTH))
        signal, warnings = to_signal(
            fields,
            source=knock.source,
            signal_id=new_signal_id(now, token),
            received_at=now,
            max_age_s=self._policy.max_signal_age_s,
        )
        if not self._policy.cex_enabled:
            text = "trading on centralised exchanges is switched off, and there are no others yet"
            raise AlertRefused("cex_disabled", text, fix="set SUREFILL_CEX_ENABLED=true", field="exchange")
        try:
            traded_pair(signal.pair, self._policy.tradable_pairs)
        except PairUnknown as error:
            fix = "send one of these, or add the pair to SUREFILL_CEX_TRADING_PAIRS"
            raise AlertRefused("pair_not_traded", str(error), fix=fix, field="symbol") from error
        return signal, tuple(dict.fromkeys(warnings))

    async def _record(self, alert: Alert, error: AlertRefused) -> Kept | None:
        log.info("alert_refused source=%s code=%s field=%s", alert.source, error.code, legible(error.field or ""))
        return await _stored(self._ledger.signals.refuse(alert, error.code, legible(str(error))))

    def _hiding(self, error: AlertRefused) -> AlertRefused:
        """The same without our secrets: a body that could not be read may have them anywhere."""
        where = self._without_secrets(error.field) if error.field else None
        message = self._without_secrets(error.message)
        return AlertRefused(error.code, message, fix=error.fix, field=where, status=error.status)

    def _text_of(self, body: bytes) -> str:
        """A body that cannot be read, for its record, without what is or looks like a secret."""
        text = _SECRET_IN_TEXT.sub(r"\1***", self._without_secrets(body.decode(errors="replace")))
        return legible(text[:_MAX_RECORD], keep="\n\t")

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


def _spellings(texts: Iterable[str]) -> list[str]:
    """The secrets as they are and as JSON writes them, longest first."""
    found = {spelling for text in texts if text for spelling in (text, json.dumps(text)[1:-1])}
    return sorted(found, key=len, reverse=True)


def _nameless(knock: Knock, text: str) -> Alert:
    """An alert that repeats nothing."""
    return Alert(source=knock.source, remote=knock.remote, body=text, key="", body_hash="", window=None)


def _as_alert_refused(refused: Refused) -> AlertRefused:
    told = refused.refusal
    return AlertRefused(told.code, told.message, fix=told.fix, field=told.field, status=refused.status)


def _fate(kept: Kept) -> str:
    return "duplicate" if kept.duplicate else "accepted"


async def _stored(storing: Awaitable[T]) -> T:
    """What `storing` gives. Raises Refused with 503 when the ledger cannot take it: the sender shall send it again."""
    try:
        return await storing
    except SQLAlchemyError as error:
        log.error("alert_not_stored error=%s", type(error).__name__)
        text, fix = "the alert could not be stored", "send it again: nothing was traded, or the same answer comes"
        raise Refused(503, "not_stored", text, fix, retry_after_s=5) from error
