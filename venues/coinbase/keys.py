"""API keys of the Coinbase Developer Platform, and the short-lived tokens made with them."""

import base64
import json
import secrets
from datetime import datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
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
            return cls(content["name"], content["privateKey"])
        except FileNotFoundError as error:
            raise KeyUnusable(f"there is no key file {path}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise KeyUnusable(f"{path} is not a key file: it needs the fields name and privateKey") from error

    def token(self, now: datetime, life: timedelta, uri: str) -> str:
        """A token for requests to `uri` (method, host and path), refused by the venue from `now` + `life`."""
        claims = {
            "sub": self.name,
            "iss": "cdp",
            "nbf": int((now - _BACKDATED).timestamp()),
            "exp": int((now + life).timestamp()),
            "uri": uri,
        }
        headers = {"kid": self.name, "nonce": secrets.token_hex(16)}
        return jwt.encode(claims, self._key, algorithm=self._algorithm, headers=headers)


def _load(text: str) -> EllipticCurvePrivateKey | Ed25519PrivateKey:
    text = text.replace("\\n", "\n").strip()
    try:
        if not text.startswith("-----BEGIN"):
            # The portal gives Ed25519 keys as base64 of the 32-byte seed and the public key.
            return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True)[:32])
        key = load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyUnusable("the private key is neither PEM nor base64 of an Ed25519 key") from error
    if not isinstance(key, EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise KeyUnusable("the private key is of a kind that Coinbase does not take: use ES256 or Ed25519")
    return key
