"""The `surefill` command: every subcommand, and what its exit code means.

Exit codes: 0 done (a trade that was sent: filled), 1 something went wrong, 2 wrong usage, 3 refused or expired,
4 cancelled, 5 partly filled, 6 the api cannot be reached, 7 still going on when the time was up.
"""

import os
import sys

import typer

from cli import auditing, operating, roles, sending, settling
from cli.client import UNREACHABLE, Unreachable

app = typer.Typer(
    name="surefill",
    help="Trading signals: each fills exactly once, or tells you why not.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
roles.add_to(app)
sending.add_to(app)
operating.add_to(app)
settling.add_to(app)
auditing.add_to(app)


def main() -> None:
    """Run the command, and leave the process without finalising it.

    A process that has run a Temporal worker sometimes crashes while Python takes it apart; everything of ours is closed
    by then, so nothing is lost by skipping that.
    """
    code = 0
    try:
        app(prog_name="surefill")
    except Unreachable as error:
        sys.stderr.write(f"surefill: {error}\n")
        code = UNREACHABLE
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            sys.stderr.write(f"surefill: {end.code}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
