"""Who may call: the keys that the venue knows, and the JWTs that they sign."""

import base64
import json
import os
import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt.types import Options

from simulators.exchange.events import log_event
from simulators.exchange.store import Store

LONGEST_LIFE_S = 120
ISSUERS = ("cdp", "coinbase-cloud")

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = EllipticCurvePublicKey | Ed25519PublicKey


class Unauthorised(Exception):
    """The venue does not accept the caller; the message is for the exchange's own log."""


class KeyUnusable(Exception):
    """A key or a key file that the venue cannot use."""


class Keyring:
    """The public keys that may sign, kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys = {name: _public_key(pem) for name, pem in store.keys().items()}

    def register(self, name: str, public_key_pem: str) -> None:
        """Let `name` sign with the key of `public_key_pem`. Raises KeyUnusable for other keys than ES256 and EdDSA."""
        key = _public_key(public_key_pem)
        self._store.set_key(name, public_key_pem)
        self._keys[name] = key
        log_event("key_registered", key=name)

    def caller(self, header: str | None, request_line: str, now: datetime) -> str:
        """The key name that signed `header` for `request_line` ("METHOD /path"). Raises Unauthorised."""
        scheme, _, token = (header or "").partition(" ")
        if scheme != "Bearer":
            raise Unauthorised("no bearer token")
        name, claims = self._read(token, now)
        if not any(_names(uri, request_line) for uri in _uris(claims)):
            raise Unauthorised("uri names another request")
        return name

    def signer(self, token: str, now: datetime) -> str:
        """The key name that signed `token` for the WebSocket, where no request is named. Raises Unauthorised."""
        return self._read(token, now)[0]

    def _read(self, token: str, now: datetime) -> tuple[str, Mapping[str, object]]:
        try:
            name = str(jwt.get_unverified_header(token).get("kid"))
            key = self._keys.get(name)
            if key is None:
                raise Unauthorised("unknown key")
            algorithm = "EdDSA" if isinstance(key, Ed25519PublicKey) else "ES256"
            claims = jwt.decode(token, key, algorithms=[algorithm], options=_UNCHECKED)
        except jwt.PyJWTError as error:
            raise Unauthorised(str(error)) from error
        _check_claims(claims, name, int(now.timestamp()))
        return name, claims


# The venue's clock is not this machine's, so times are checked here and not by the library.
_UNCHECKED = Options(
    verify_exp=False, verify_nbf=False, verify_iat=False, verify_aud=False, verify_iss=False, verify_sub=False
)


def _check_claims(claims: Mapping[str, object], name: str, now_s: int) -> None:
    not_before, expires = claims.get("nbf"), claims.get("exp")
    if not isinstance(not_before, int) or not isinstance(expires, int):
        raise Unauthorised("nbf and exp are required")
    if claims.get("iss") not in ISSUERS or claims.get("sub") != name:
        raise Unauthorised("iss or sub is wrong")
    if not_before > now_s:
        raise Unauthorised("not valid yet")
    if expires <= now_s:
        raise Unauthorised("expired")
    if expires - not_before > LONGEST_LIFE_S:
        raise Unauthorised("lives too long")


def _uris(claims: Mapping[str, object]) -> list[str]:
    uris = claims.get("uris")
    return [str(claims.get("uri", ""))] if not isinstance(uris, list) else [str(uri) for uri in uris]


def _names(uri: str, request_line: str) -> bool:
    """Whether `uri` ("METHOD host/path", with or without a scheme) is for `request_line` ("METHOD /path")."""
    method, _, address = uri.partition(" ")
    wanted, _, path = request_line.partition(" ")
    return method == wanted and address.endswith(path)


def issue_key(keyring: Keyring, path: Path) -> None:
    """Register the key in the file at `path`; where there is none, issue an ES256 key there first, as a portal does."""
    if not path.exists():
        name = f"organizations/{uuid.uuid4()}/apiKeys/{uuid.uuid4()}"
        private = generate_ec_key(SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
        _write_secret(path, json.dumps({"name": name, "privateKey": pem}, indent=2))
        log_event("key_issued", key=name, file=path)
    name, key = _read_key_file(path)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    keyring.register(name, public)


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _read_key_file(path: Path) -> tuple[str, PrivateKey]:
    try:
        held = json.loads(path.read_text())
        return str(held["name"]), _private_key(held["privateKey"])
    except (ValueError, KeyError, TypeError) as error:
        raise KeyUnusable(f"{path} is no API key file: {error!r}") from error


def _private_key(text: str) -> PrivateKey:
    """A PEM key, or the base64 form in which Ed25519 keys are downloaded (seed and public key)."""
    if not text.startswith("-----BEGIN"):
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text)[:32])
    key = load_pem_private_key(text.encode(), None)
    if not isinstance(key, PrivateKey):
        raise ValueError("neither an EC nor an Ed25519 key")
    return key


def _public_key(pem: str) -> PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise KeyUnusable("not a PEM public key") from error
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    if isinstance(key, Ed25519PublicKey):
        return key
    raise KeyUnusable("only P-256 and Ed25519 keys are supported")
