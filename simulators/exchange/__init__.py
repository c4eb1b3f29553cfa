"""A simulated exchange: a server of its own that speaks the REST dialect of Coinbase Advanced Trade."""
