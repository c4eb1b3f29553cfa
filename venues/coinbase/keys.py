"""API keys of the Coinbase Developer Platform, and the short-lived tokens made with them."""

import base64
import json
import secrets
from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# A clock that is a little ahead must not make a token "not valid yet".
_BACKDATED = timedelta(seconds=5)


class KeyUnusable(Exception):
    """The key cannot sign; the message says what is wrong with it, never what it is."""


class ApiKey:
    """An ES256 or Ed25519 key. Source: Coinbase's "CDP API key authentication"."""

    def __init__(self, name: str, private_key: str) -> None:
        self.name = name
        self._key = _load(private_key)
        self._algorithm = "EdDSA" if isinstance(self._key, Ed25519PrivateKey) else "ES256"

    @classmethod
    def from_file(cls, path: Path) -> "ApiKey":
        """The key in the JSON file that the portal offers for download. Raises KeyUnusable."""
        try:
            content = json.loads(path.read_text())
            name, private_key = content["name"], content["privateKey"]
        except FileNotFoundError as error:
            raise KeyUnusable(f"there is no key file {path}") from error
        except OSError as error:
            raise KeyUnusable(f"the key file {path} cannot be read: {error.strerror}") from error
        except (KeyError, TypeError, ValueError):
            name = private_key = None
        if not isinstance(name, str) or not isinstance(private_key, str):
            raise KeyUnusable(f"{path} is not a key file: it needs the fields name and privateKey")
        return cls(name, private_key)

    def token(self, now: datetime, life: timedelta, uri: str | None) -> str:
        """A token for requests to `uri` (method, host and path), refused by the venue from `now` + `life`.

        The WebSocket's tokens name none.
        """
        claims = {
            "sub": self.name,
            "iss": "cdp",
            "nbf": int((now - _BACKDATED).timestamp()),
            "exp": int((now + life).timestamp()),
            **({"uri": uri} if uri else {}),
        }
        headers = {"kid": self.name, "nonce": secrets.token_hex(16)}
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers=headers)


def _load(text: str) -> EllipticCurvePrivateKey | Ed25519PrivateKey:
    text = text.replace("\\n", "\n").strip()
    try:
        if not text.startswith("-----BEGIN"):
            return _load_ed25519(base64.b64decode(text, validate=True))
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Without the cause: it may hold the text of the key.
        raise KeyUnusable("the private key is neither PEM nor base64 of an Ed25519 key") from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return key
    raise KeyUnusable("the private key is of a kind that Coinbase does not take: use ES256 (P-256) or Ed25519")


def _load_ed25519(raw: bytes) -> Ed25519PrivateKey:
    """The key in the portal's notation: the seed of 32 bytes, followed by the public key."""
    key = Ed25519PrivateKey.from_private_bytes(raw[:32])
    if raw[32:] not in (b"", key.public_key().public_bytes_raw()):
        # Secrets of the venue's older interfaces are 64 bytes in base64, too.
        raise ValueError("no Ed25519 key")
    return key
