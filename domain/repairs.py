"""JSON that an unfilled placeholder, a bare NaN or a word processor's quotes broke, made readable again.

Only what leaves no doubt is repaired, and never inside an intact string. The rest stays broken and is refused.
"""

import re

# What stands where a value was never filled. Python's decoder reports it apart from every string and number.
UNFILLED_MARK = "NaN"

_SMART = "\u201c\u201d\u201e\u201f"
_UNFILLED_WORDS = frozenset({"nan", "na", "n/a"})
# Possessive: an unterminated string must not be scanned again from each of its quotes.
_TOKEN = re.compile(
    rf"""
    (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")
    | (?P<broken>")
    | [{_SMART}](?P<smart>[^"{_SMART}\n]*+)[{_SMART}]
    | (?P<placeholder>\{{\{{[^{{}}"]*+\}}\}})
    | (?P<space>\s+)
    | (?P<word>[A-Za-z][A-Za-z/]*+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def repaired(text: str) -> str | None:
    """`text` with its known breaks mended, or None when a string in it never ends.

    Mended: `{{close}}`, `nan` and `na` without quotes, a value that is missing altogether, a trailing comma, smart
    quotes, exotic blanks. Whether the result is JSON is for the decoder to say.
    """
    parts: list[str] = []
    last_comma, before = -1, ""
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "broken":
            return None
        token = _mended(match)
        if token.isspace():
            parts.append(token)
            continue
        if before == ":" and token in ",}":
            parts.append(UNFILLED_MARK)
        elif before == "," and token in "}]":
            parts[last_comma] = ""
        if token == ",":
            last_comma = len(parts)
        parts.append(token)
        before = token
    return "".join(parts)


def _mended(match: re.Match[str]) -> str:
    token = match.group()
    if match.lastgroup == "smart":
        return f'"{match["smart"]}"'
    if match.lastgroup == "space":
        return "".join(blank if blank.isascii() else " " for blank in token)
    unfilled = match.lastgroup == "placeholder" or (match.lastgroup == "word" and token.lower() in _UNFILLED_WORDS)
    return UNFILLED_MARK if unfilled else token
