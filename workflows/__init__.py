"""The procedures, deterministic: what happens to a trade, in the words of the trade."""
