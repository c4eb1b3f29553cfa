"""How fast surefill is against what is possible here: `make bench`."""
