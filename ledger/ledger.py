"""The ledger: its books over one database."""

from ledger.auditing import Auditing
from ledger.database import Database
from ledger.findings import Findings
from ledger.orders import Orders
from ledger.reading import Reading
from ledger.reports import Reports
from ledger.settling import Settlements
from ledger.signals import Signals
from ledger.switches import Switches
from ledger.trades import Trades


class Ledger:
    """Everything that must never be forgotten, by book. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.signals = Signals(database)
        self.trades = Trades(database)
        self.orders = Orders(database)
        self.reports = Reports(database)
        self.settlements = Settlements(database)
        self.switches = Switches(database)
        self.reading = Reading(database)
        self.auditing = Auditing(database)
        self.findings = Findings(database)
