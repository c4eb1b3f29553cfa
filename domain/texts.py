"""Texts from strangers, made fit for logs, terminals, databases and answers."""


def legible(text: str, keep: str = "") -> str:
    """`text` without anything that cannot be seen: no control characters, no half characters, none that reorder it.

    `keep`: unprintable characters that may stay.
    """
    return "".join(char if char.isprintable() or char in keep else _instead(char) for char in text)


def header_text(value: str | None) -> str | None:
    """A header's value, or None when it says nothing. Servers read headers as Latin-1; senders write UTF-8."""
    if value is None or not value.strip():
        return None
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _instead(char: str) -> str:
    return " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
