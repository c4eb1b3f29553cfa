"""What a run may find."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that must not be. `kind`: lost, doubled, wrong or stuck."""

    kind: str
    trade_id: str
    text: str
