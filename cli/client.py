"""Talking to the api, from the terminal."""

import getpass
import os
from collections.abc import Mapping
from typing import Any

import httpx

from cli.loading import settings_or_exit
from cli.local_secrets import operator_token

UNREACHABLE = 6
_TIMEOUT_S = 10


class ApiClient:
    """The api of this machine, or of SUREFILL_API_URL. Every failure ends the command with a sentence."""

    def __init__(self) -> None:
        settings = settings_or_exit()
        token = operator_token(settings)
        if token is None:
            raise SystemExit(
                "no operator token: set SUREFILL_OPERATOR_TOKEN, or run `surefill up` on this machine first"
            )
        headers = {"Authorization": f"Bearer {token}", "X-Operator": f"{_user()} (terminal)"}
        self._http = httpx.Client(base_url=settings.api_url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer to a GET; parameters that are None are left out."""
        return self._call("GET", path, params={name: value for name, value in params.items() if value is not None})

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON answer to a POST."""
        return self._call("POST", path, json=body)

    def _call(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            said = f"the api at {self._http.base_url} does not answer ({type(error).__name__}): is surefill up?"
            raise Unreachable(said) from error
        if answer.is_success:
            return answer.json()
        raise SystemExit(_said(answer))


def _user() -> str:
    """Who sits at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that no list of users knows.
        return f"uid {os.getuid()}"


class Unreachable(Exception):
    """The api does not answer."""


def _said(answer: httpx.Response) -> str:
    try:
        refusal = answer.json()
        field = f" ({refusal['field']})" if refusal.get("field") else ""
        return f"{refusal['message']}{field}; {refusal['fix']}"
    except (ValueError, KeyError, TypeError):
        return f"the api answered {answer.status_code}: {answer.text[:200]}"
