# region imports
from AlgorithmImports import *
# endregion


class NewAlgorithm(QCAlgorithm):

    def initialize(self):
        self.set_start_date(2024, 1, 2)
        self.set_cash(100000)
        self.add_equity("SPY", Resolution.DAILY)

    def on_data(self, data: Slice):
        if not self.portfolio.invested:
            self.set_holdings("SPY", 1)
