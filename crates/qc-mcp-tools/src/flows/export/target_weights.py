"""Holds target weights and trades back to them on a schedule.

Written by export_strategy from weights that were found elsewhere; see WEIGHTS. Orders leave half an hour after the open
on the first day of each period, once every security has a price.
"""

from AlgorithmImports import *

# Settings of export_strategy: begin
WEIGHTS: dict[str, float] = {"SPY": 0.6, "IWM": 0.4}
REBALANCE: str = "monthly"
BENCHMARK: str = "SPY"
START: tuple[int, int, int] = (2020, 1, 1)
END: tuple[int, int, int] = (2023, 12, 31)
CASH: int = 100_000
MAX_LOSS: float = 0.0
# Settings of export_strategy: end

# WEIGHTS: ticker and share of the account, short ones below zero; what they leave of 1 is cash.
# REBALANCE: none, weekly, monthly or quarterly.
# MAX_LOSS: fall from the highest value, as a fraction, at which everything is sold for good; 0 is none.


class TargetWeights(QCAlgorithm):
    """The strategy."""

    def initialize(self) -> None:
        self.set_start_date(*START)
        self.set_end_date(*END)
        self.set_cash(CASH)
        gross = sum(abs(weight) for weight in WEIGHTS.values())
        self.targets: dict[Symbol, float] = {}
        for ticker, weight in WEIGHTS.items():
            security = self.add_equity(ticker, Resolution.DAILY)
            security.set_leverage(max(2.0, gross + 0.5))
            self.targets[security.symbol] = weight
        self.set_benchmark(BENCHMARK)
        # The rest of small trades is not worth an order.
        self.settings.minimum_order_margin_portfolio_percentage = 0.001
        self.due = True
        self.stopped = False
        self.peak = 0.0
        clock = next(iter(self.targets))
        if REBALANCE == "weekly":
            self.schedule.on(
                self.date_rules.week_start(clock), self.time_rules.after_market_open(clock, 29), self.mark_due
            )
        elif REBALANCE in ("monthly", "quarterly"):
            self.schedule.on(
                self.date_rules.month_start(clock), self.time_rules.after_market_open(clock, 29), self.mark_due
            )
        self.schedule.on(self.date_rules.every_day(clock), self.time_rules.after_market_open(clock, 30), self.trade)

    def mark_due(self) -> None:
        """A new period begins."""
        if REBALANCE != "quarterly" or self.time.month in (1, 4, 7, 10):
            self.due = True

    def trade(self) -> None:
        """Watches the loss, and trades where a period began."""
        if self.stopped:
            return
        equity = float(self.portfolio.total_portfolio_value)
        self.peak = max(self.peak, equity)
        if 0 < MAX_LOSS and equity <= self.peak * (1 - MAX_LOSS):
            self.stopped = True
            self.liquidate()
            self.error(f"a fall of {1 - equity / self.peak:.2%} reached the limit of {MAX_LOSS:.2%}; everything is sold")
            return
        if not self.due or not all(self.securities[symbol].has_data for symbol in self.targets):
            return
        self.due = False
        self.set_holdings([PortfolioTarget(symbol, weight) for symbol, weight in self.targets.items()])
