"""A webhook's body, read by its content: JSON, broken JSON, or KEY=VALUE lines. Its secret is taken out at once."""

import json
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from domain.repairs import UNFILLED_MARK, repaired

EXAMPLE = '{"api_key": "...", "action": "BUY", "symbol": "ETH-USD", "amount": "25"}'
SECRET_FIELD = "api_key"
KNOWN_FIELDS = frozenset(
    {"action", "symbol", "exchange", "network", "pool_type", "amount", "percentage", "id", "strategy", "limit_price"}
    | {"base_amount", "cancel_after_s", "time", "price", "note"}
)
MASK = "***"

_MAX_DEPTH = 20
_MAX_FIELDS = 100
# A shorter "secret" would be found by accident and shred innocent values.
_MASKED_FROM = 8
_LINE = re.compile(r"([\w .-]{1,60})=(.*)", re.DOTALL)


class AlertRefused(ValueError):
    """An alert that cannot become a signal.

    `code` is stable and made for programs; `field` is the wrong field, if it is one; `message` says what is wrong and
    `fix` what to write instead. `status`: 400 when the body cannot be read as fields at all, 422 when a field is wrong.
    """

    def __init__(self, code: str, message: str, *, fix: str, field: str | None = None, status: int = 422) -> None:
        super().__init__(f"{message}; {fix}")
        self.code, self.message, self.fix, self.field, self.status = code, message, fix, field, status


class Unfilled(Enum):
    """Stands where a placeholder was never filled."""

    UNFILLED = "unfilled"


UNFILLED: Final = Unfilled.UNFILLED
Tree: TypeAlias = "str | bool | Unfilled | list[Tree] | dict[str, Tree] | None"


class Fields:
    """The fields of a body by lower-case name, numbers as their exact text. The secret stands apart and never shows.

    `remarks`: what was noticed while reading, for people.
    """

    __slots__ = ("_secret", "remarks", "values")

    def __init__(self, values: Mapping[str, Tree], secret: str | None = None, remarks: tuple[str, ...] = ()) -> None:
        self.values: Mapping[str, Tree] = MappingProxyType(dict(values))
        self.remarks = remarks
        self._secret = secret

    @property
    def secret(self) -> str | None:
        return self._secret

    def hiding(self, secrets: Iterable[str]) -> "Fields":
        """The same without any of `secrets` in its fields; short ones are left, they stand there by accident.

        Only of the sender's own it is said: whoever guesses at others' would learn which guess was right.
        """
        own = [self._secret] if self._secret else []
        remarks = self.remarks
        if self._without(own) != self.values:
            remarks += ("the secret stood in other fields too and was masked there",)
        return Fields(self._without([*secrets, *own]), self._secret, remarks)

    def _without(self, secrets: Iterable[str]) -> dict[str, Any]:
        long = sorted((secret for secret in secrets if len(secret) >= _MASKED_FROM), key=len, reverse=True)
        return {_masked_name(name, long): _masked(value, long) for name, value in self.values.items()}

    def __repr__(self) -> str:
        return f"Fields({', '.join(sorted(self.values))})"

    def __reduce__(self) -> str:
        raise TypeError("Fields hold a secret and are not to be stored")


class _Object(list[tuple[str, Any]]):
    """A JSON object as pairs: duplicate names are still there."""


def read_body(body: bytes) -> Fields:
    """The fields in `body`, whatever its content type. Raises AlertRefused."""
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise _unreadable("body_not_utf8", "the body is not UTF-8 text") from None
    if not text:
        raise _unreadable("body_empty", "the body is empty")
    try:
        pairs, remarks = _pairs(text)
        return _fields([(name, _tree(value)) for name, value in pairs], remarks)
    except RecursionError:
        raise _too_deep() from None


def masked(tree: Tree, secrets: Iterable[str]) -> Tree:
    """`tree` with every occurrence of a secret replaced; names of known fields stay."""
    longest_first = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
    return _masked(tree, longest_first)


def _pairs(text: str) -> tuple[list[tuple[str, Any]], tuple[str, ...]]:
    try:
        whole = _STRICT.decode(text)
    except ValueError as error:
        if not text.startswith("{"):
            return _lines(text), ()
        return _repaired_pairs(text, error), ("the body is not valid JSON and was repaired",)
    if not isinstance(whole, _Object):
        raise _unreadable("body_not_object", "the body is JSON, but not an object with fields")
    return whole, ()


def _repaired_pairs(text: str, error: ValueError) -> _Object:
    try:
        whole = _LENIENT.decode(repaired(text) or text)
    except ValueError:
        raise _unreadable("body_unreadable", f"the body is not JSON ({_place(error, text)})") from None
    if not isinstance(whole, _Object):
        raise _unreadable("body_unreadable", "the body is one placeholder that was not filled")
    return whole


def _lines(text: str) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise _unreadable("body_unreadable", f"the body is neither JSON nor KEY=VALUE lines (line {number})")
        pairs.append((match[1], match[2].strip()))
    return pairs


def _fields(pairs: list[tuple[str, Tree]], remarks: tuple[str, ...]) -> Fields:
    if len(pairs) > _MAX_FIELDS:
        raise _unreadable("too_many_fields", f"the body has {len(pairs)} fields, at most {_MAX_FIELDS} are read")
    values: dict[str, Tree] = {}
    for raw_name, value in pairs:
        name = raw_name.strip().lower()
        if name in values:
            known = name if name in KNOWN_FIELDS or name == SECRET_FIELD else None
            raise AlertRefused("field_duplicate", f"{known or 'a field'} stands twice", fix="send it once", field=known)
        values[name] = value
    secret = _secret(values.pop(SECRET_FIELD, None))
    return Fields(values, secret, remarks).hiding([secret or ""])


def _secret(value: Tree) -> str | None:
    if value is None or value is UNFILLED or value == "":
        return None
    if not isinstance(value, str):
        raise AlertRefused("field_type", f"{SECRET_FIELD!r} is not text", fix="send it in quotes", field=SECRET_FIELD)
    return value


def _masked(tree: Tree, secrets: list[str]) -> Tree:
    if isinstance(tree, str):
        for secret in secrets:
            tree = tree.replace(secret, MASK)
        return tree
    if isinstance(tree, list):
        return [_masked(item, secrets) for item in tree]
    if isinstance(tree, dict):
        return {_masked_name(name, secrets): _masked(value, secrets) for name, value in tree.items()}
    return tree


def _masked_name(name: str, secrets: list[str]) -> str:
    if name in KNOWN_FIELDS:
        return name
    for secret in secrets:
        name = name.replace(secret, MASK).replace(secret.lower(), MASK)
    return name


def _tree(value: Any, depth: int = 1) -> Tree:
    if depth > _MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, _Object):
        return {name: _tree(item, depth + 1) for name, item in value}
    if isinstance(value, list):
        return [_tree(item, depth + 1) for item in value]
    if isinstance(value, (str, bool, Unfilled)) or value is None:
        return value
    raise AssertionError(f"the decoder made a {type(value).__name__}")


def _unreadable(code: str, message: str) -> AlertRefused:
    return AlertRefused(code, message, fix=f"send one JSON object, like {EXAMPLE}", status=400)


def _too_deep() -> AlertRefused:
    return _unreadable("body_too_deep", f"the body nests deeper than {_MAX_DEPTH} levels")


def _place(error: ValueError, text: str) -> str:
    """Where the body breaks, without quoting it: the secret may stand there."""
    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
    return f"it breaks at character {at + 1} of {len(text)}: a value without quotes, a missing comma or quote?"


def _no_constant(name: str) -> str:
    raise ValueError(f"{name} is not JSON")


def _constant(name: str) -> str | Unfilled:
    return UNFILLED if name == UNFILLED_MARK else name


# `strict` is about line breaks inside strings: they are refused later, where the field can be named.
_STRICT = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=_no_constant, strict=False, object_pairs_hook=_Object
)
_LENIENT = json.JSONDecoder(
    parse_float=str, parse_int=str, parse_constant=_constant, strict=False, object_pairs_hook=_Object
)
