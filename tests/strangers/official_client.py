"""The official client, told in lines of JSON what to do. Runs where it is installed, and nothing of ours is.

In: {"call": "rest.get_product", "args": [...], "options": {...}}
Out: {"returned": ...}, or {"raised": ..., "text": ...}.
"""

import json
import queue
import sys
from typing import Any

from coinbase.rest import RESTClient
from coinbase.websocket import WSUserClient
from requests.adapters import HTTPAdapter

VENUE = "https://api.coinbase.com"


class Elsewhere(HTTPAdapter):
    """Sends to `address` what is meant for the venue: the client itself takes no address without TLS."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        request.url = request.url.replace(VENUE, self.address)
        return super().send(request, *args, **options)


class Desk:
    """What may be called: `rest`, `user` and the messages that `user` has got."""

    def __init__(self, address: str, key_file: str) -> None:
        self.messages: queue.Queue[str] = queue.Queue()
        self.rest = RESTClient(key_file=key_file, timeout=20)
        self.rest.session.trust_env = False
        self.rest.session.mount(VENUE, Elsewhere(address))
        self.user = WSUserClient(
            key_file=key_file,
            base_url=address.replace("http", "ws"),
            timeout=20,
            retry=False,
            on_message=self.messages.put,
        )

    def rename_key(self, name: str) -> str:
        """From now on the key goes by another name; the one that it had."""
        had = self.rest.api_key
        self.rest.api_key = self.user.api_key = name
        return str(had)

    def next_message(self) -> Any:
        return json.loads(self.messages.get(timeout=20))

    def forget_messages(self) -> None:
        while not self.messages.empty():
            self.messages.get()

    def call(self, path: str, args: list[Any], options: dict[str, Any]) -> Any:
        target: Any = self
        for name in path.split("."):
            target = getattr(target, name)
        answer = target(*args, **options)
        return answer.to_dict() if hasattr(answer, "to_dict") else answer


def main() -> None:
    desk = Desk(*sys.argv[1:])
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"returned": desk.call(asked["call"], asked["args"], asked["options"])}
        except Exception as error:
            answer = {"raised": type(error).__name__, "text": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
