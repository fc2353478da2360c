# region imports
from AlgorithmImports import *
# endregion


class TechnologyBasket(QCAlgorithm):
    """Holds four technology names, back to equal weights each month."""

    def initialize(self):
        self.set_start_date(2022, 1, 3)
        self.set_end_date(2024, 12, 31)
        self.set_cash(250000)
        self.add_equity("GOOGL", Resolution.DAILY)
        self.add_equity("AMZN", Resolution.DAILY)
        self.add_equity("MSFT", Resolution.DAILY)
        self.add_equity("AAPL", Resolution.DAILY)
        self.schedule.on(self.date_rules.month_start("MSFT"), self.time_rules.after_market_open("MSFT", 0), self.rebalance)

    def rebalance(self):
        symbols = list(self.securities.keys())
        self.emit_insights([Insight.price(s, timedelta(30), InsightDirection.UP) for s in symbols])
        for symbol in symbols:
            self.set_holdings(symbol, 1 / len(symbols))
