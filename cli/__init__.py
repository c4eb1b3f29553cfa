"""The `surefill` command."""
