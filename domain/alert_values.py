"""Reading one field of an alert: exact numbers, clean texts, times with a zone. Every refusal names the field."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.bodies import UNFILLED, AlertRefused, Fields

MAX_DIGITS = 18

# Without these an alert still means the same trade.
_SPARABLE = frozenset({"price", "note", "strategy", "network", "pool_type"})
_PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,3}))?")
_NO_NUMBER = frozenset({"nan", "na", "n/a"})
_EPOCH = re.compile(r"[0-9]{9,14}")
_MILLISECOND_DIGITS = 12
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
# They make a text show as something else than it is.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class FieldReader:
    """The fields of one alert, read by name. `warnings` grows with what was passed over."""

    def __init__(self, fields: Fields) -> None:
        self._values = fields.values
        self.warnings: list[str] = []

    def text(self, name: str) -> str | None:
        """The stripped text of a field, or None when it says nothing."""
        value = self._values.get(name)
        if value is UNFILLED or (isinstance(value, str) and _PLACEHOLDER.search(value)):
            self._pass_over(name)
            return None
        if value is None:
            return None
        if not isinstance(value, str):
            kind = "true or false" if isinstance(value, bool) else "a list or an object"
            raise refused("field_type", name, f"{name} is {kind}", "send one text or number")
        return value.strip() or None

    def required(self, name: str, example: str) -> str:
        text = self.text(name)
        if text is None:
            raise refused("field_missing", name, f"{name} is missing", f'send it, like "{name}": "{example}"')
        return text

    def label(self, name: str, max_length: int) -> str | None:
        """A text without control characters."""
        text = self.text(name)
        if text is not None:
            _check_length(name, text, max_length)
            if any(_is_control(character) for character in text):
                raise refused("text_invalid", name, f"{name} has line breaks or control characters", "remove them")
        return text

    def explicit_id(self, max_length: int) -> str | None:
        text = self.text("id")
        if text is not None:
            _check_length("id", text, max_length)
            if not text.isprintable():
                raise refused("text_invalid", "id", "id has characters that cannot be printed", "remove them")
        return text

    def number(self, name: str, most: Decimal | None = None) -> Decimal | None:
        """The exact number in a field: above zero, at most `most`."""
        text = self.text(name)
        if text is not None and text.lower() in _NO_NUMBER:
            self._pass_over(name)
            return None
        if text is None:
            return None
        number = _exact(name, text)
        if number <= 0:
            raise refused("number_invalid", name, f"{name} is {text}", "send a number above zero")
        if most is not None and number > most:
            raise refused("number_invalid", name, f"{name} is {text}", f"send at most {most:f}")
        return number

    def whole_seconds(self, name: str, most: int) -> int | None:
        number = self.number(name, Decimal(most))
        if number is not None and number != number.to_integral_value():
            raise refused("number_invalid", name, f"{name} is not whole", "send whole seconds, like 60")
        return None if number is None else int(number)

    def moment(self, name: str) -> datetime | None:
        """A time in UTC, from ISO 8601 with a zone or from the seconds or milliseconds since 1970."""
        text = self.text(name)
        if text is None:
            return None
        if _EPOCH.fullmatch(text):
            unit = timedelta(milliseconds=1) if len(text) >= _MILLISECOND_DIGITS else timedelta(seconds=1)
            return _EPOCH_BEGAN + int(text) * unit
        return _iso_moment(name, text)

    def _pass_over(self, name: str) -> None:
        if name not in _SPARABLE:
            fix = "use a placeholder that this alert can fill, or send the value itself"
            raise refused("placeholder_unfilled", name, f"{name} was not filled", fix)
        self.warnings.append(f"{name} was not filled")


def refused(code: str, field: str, message: str, fix: str) -> AlertRefused:
    return AlertRefused(code, message, fix=fix, field=field)


def _exact(name: str, text: str) -> Decimal:
    match = _NUMBER.fullmatch(text) if len(text) <= 3 * MAX_DIGITS else None
    if match is None:
        raise refused("number_invalid", name, f"{name} is {text!r:.40}", _number_fix(text))
    exponent_fits = abs(int(match[1] or 0)) <= MAX_DIGITS
    number = Decimal(text) if exponent_fits else None
    if number is None or abs(number) >= Decimal(10) ** MAX_DIGITS or _decimals(number) > MAX_DIGITS:
        message = f"{name} has more than {MAX_DIGITS} digits before or after the point"
        raise refused("number_invalid", name, message, "send fewer digits")
    return Decimal(f"{number:f}")


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _number_fix(text: str) -> str:
    if "," in text:
        return "send it with a point for the decimals and without commas, like 1000.50"
    if "%" in text:
        return 'send the number alone; for a share of the balance "percentage": "50"'
    if any(unicodedata.category(character) == "Sc" for character in text):
        return "send the number alone, without a currency sign"
    return "send a plain number, like 25.50"


def _iso_moment(name: str, text: str) -> datetime:
    example = "send it like 2025-11-22T10:00:00Z; in TradingView {{timenow}}"
    if not _ISO.fullmatch(text.upper()):
        raise refused("time_invalid", name, f"{name} is {text!r:.40}", example)
    try:
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            raise refused("time_invalid", name, f"{name} {text} has no time zone", "add Z for UTC, or an offset")
        return moment.astimezone(UTC)
    except AlertRefused:
        raise
    except (ValueError, OverflowError):
        raise refused("time_invalid", name, f"{name} {text} is no real time", example) from None


def _check_length(name: str, text: str, max_length: int) -> None:
    if len(text) > max_length:
        message = f"{name} has {len(text)} characters"
        raise refused("text_too_long", name, message, f"send at most {max_length}")


def _is_control(character: str) -> bool:
    return character in _REORDERING or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
