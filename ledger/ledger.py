"""The ledger: its books over one database."""

from ledger.database import Database
from ledger.orders import Orders
from ledger.reading import Reading
from ledger.reports import Reports
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
        self.switches = Switches(database)
        self.reading = Reading(database)
