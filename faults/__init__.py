"""Whether surefill keeps its word: real processes, struck at every stop of a trade, then all books compared.

`python -m faults` (or `make faults`); docs/reliability.md says what is promised and what was measured.
"""
