"""Coinbase Advanced Trade, natively over its REST API."""
