"""Trades the spread of two shares back to its mean.

Written by export_strategy from a relation that was estimated elsewhere: log(Y) = INTERCEPT + HEDGE_RATIO * log(X) + spread,
with standard deviation SPREAD_STD. The relation is not estimated again here: if it ends, the stop ends the trade.
"""

from math import log

from AlgorithmImports import *

# Settings of export_strategy: begin
Y: str = "KO"
X: str = "PEP"
INTERCEPT: float = 0.1
HEDGE_RATIO: float = 0.8
SPREAD_STD: float = 0.02
ENTRY_Z: float = 2.0
EXIT_Z: float = 0.5
STOP_Z: float = 4.0
CONFIRM_DAYS: int = 1
MAX_DAYS: int = 30
GROSS: float = 1.0
START: tuple[int, int, int] = (2020, 1, 1)
END: tuple[int, int, int] = (2023, 12, 31)
CASH: int = 100_000
MAX_LOSS: float = 0.0
# Settings of export_strategy: end

# ENTRY_Z, EXIT_Z, STOP_Z: deviations at which a trade is opened, closed, and given up.
# CONFIRM_DAYS: days in a row beyond ENTRY_Z before a trade is opened. MAX_DAYS: days after which it is closed.
# GROSS: sum of both legs as a share of the account. After a stop the spread has to come back inside ENTRY_Z first.
# MAX_LOSS: fall from the highest value, as a fraction, at which everything is sold for good; 0 is none.


class Pair(QCAlgorithm):
    """The strategy."""

    def initialize(self) -> None:
        self.set_start_date(*START)
        self.set_end_date(*END)
        self.set_cash(CASH)
        self.y = self.add_equity(Y, Resolution.DAILY).symbol
        self.x = self.add_equity(X, Resolution.DAILY).symbol
        for symbol in (self.y, self.x):
            self.securities[symbol].set_leverage(max(2.0, GROSS + 0.5))
        self.side = 0  # of the spread: 1 long, -1 short
        self.days = 0  # in the trade
        self.beyond = 0  # days in a row beyond the entry
        self.locked = False  # after a stop, until the spread comes back
        self.stopped = False
        self.peak = 0.0

    def on_data(self, data: Slice) -> None:
        """A day ends."""
        if self.stopped or not (data.bars.contains_key(self.y) and data.bars.contains_key(self.x)):
            return
        equity = float(self.portfolio.total_portfolio_value)
        self.peak = max(self.peak, equity)
        if 0 < MAX_LOSS and equity <= self.peak * (1 - MAX_LOSS):
            self.stopped = True
            self.liquidate()
            self.error(f"a fall of {1 - equity / self.peak:.2%} reached the limit of {MAX_LOSS:.2%}; everything is sold")
            return
        price_y, price_x = float(data.bars[self.y].close), float(data.bars[self.x].close)
        if not (0 < price_y and 0 < price_x):
            return
        z = (log(price_y) - INTERCEPT - HEDGE_RATIO * log(price_x)) / SPREAD_STD
        self.locked = self.locked and ENTRY_Z <= abs(z)
        if self.side:
            self.days += 1
            is_back = -self.side * z <= EXIT_Z
            is_lost = STOP_Z <= -self.side * z
            if is_back or is_lost or MAX_DAYS <= self.days:
                self.locked = is_lost
                self.side, self.days, self.beyond = 0, 0, 0
                self.liquidate()
            return
        self.beyond = self.beyond + 1 if ENTRY_Z <= abs(z) < STOP_Z else 0
        if self.locked or self.beyond < CONFIRM_DAYS:
            return
        self.side = -1 if 0 < z else 1
        share = GROSS / (1 + abs(HEDGE_RATIO))
        self.set_holdings(
            [PortfolioTarget(self.y, self.side * share), PortfolioTarget(self.x, -self.side * HEDGE_RATIO * share)]
        )
