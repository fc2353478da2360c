# region imports
from AlgorithmImports import *
# endregion


class PairOfStaples(QCAlgorithm):
    """Buys and holds two drinks makers."""

    def initialize(self):
        self.set_start_date(2023, 1, 3)
        self.set_end_date(2024, 12, 31)
        self.set_cash(100000)
        for ticker in ["KO", "PEP"]:
            self.add_equity(ticker, Resolution.DAILY)

    def on_data(self, data: Slice):
        if not self.portfolio.invested:
            self.set_holdings("KO", 0.5)
            self.set_holdings("PEP", 0.5)
