"""Pure values and decisions: no I/O, no clock."""

import decimal

# Products of two 18-decimal amounts do not fit Python's default 28 digits, and a rounded product is wrong money.
# Threads copy DefaultContext when they start; the importing thread has its context already.
decimal.DefaultContext.prec = 78
decimal.setcontext(decimal.Context(prec=78))
