"""From settings to the things that doors work with: the ledger, Temporal, venues, rules, the log."""
