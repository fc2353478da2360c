"""A limit of loss: sells everything and ends the algorithm once it is reached.

Written by guard_live_algorithm. It looks every minute in which LEAN's clock runs, so a loss between two looks can be
larger than the limit, and what the sale brings is the market's. After a restart, `deployment` and `peak` count anew.
"""

from datetime import timedelta
from math import isfinite

from AlgorithmImports import *


class LossGuard:
    """Watches the equity of one algorithm."""

    def __init__(self, algorithm: QCAlgorithm, max_loss: float, unit: str, basis: str, sigma_window: int) -> None:
        if not 0 < max_loss:
            raise ValueError("max_loss is above 0")
        if unit not in ("percent", "sigma") or basis not in ("previous_close", "deployment", "peak"):
            raise ValueError("unit is percent or sigma, basis is previous_close, deployment or peak")
        self._algorithm = algorithm
        self._max_loss = max_loss
        self._unit = unit
        self._basis = basis
        self._window = sigma_window
        self._day: object = None
        self._last = 0.0  # equity at the last look
        self._base = 0.0  # equity the loss is counted from
        self._limit = 0.0  # largest loss, as a share of the base; 0 while it is not known
        self._tripped = False
        self._alarmed: object = None
        algorithm.schedule.on(
            algorithm.date_rules.every_day(), algorithm.time_rules.every(timedelta(minutes=1)), self.check
        )

    def check(self) -> None:
        """One look: trips when the loss reaches the limit, and goes on selling until nothing is held."""
        algorithm = self._algorithm
        if algorithm.is_warming_up:
            return
        if self._tripped:
            self._flatten()
            return
        equity = float(algorithm.portfolio.total_portfolio_value)
        if not isfinite(equity):
            self._alarm("the equity cannot be read")
            return
        if algorithm.time.date() != self._day:
            self._begin_day(equity)
        if self._basis == "peak":
            self._base = max(self._base, equity)
        self._last = equity
        if self._unit == "sigma" and self._limit == 0.0:
            # Nothing was held when the day began.
            self._limit = self._max_loss * self._sigma(equity)
        loss = 1.0 - equity / self._base if 0 < self._base else 0.0
        if 0 < self._limit <= loss or equity <= 0:
            self._tripped = True
            algorithm.error(
                f"LossGuard: a loss of {loss:.2%} reached the limit of {self._limit:.2%} ({self._basis}); everything is sold"
            )
            algorithm.transactions.cancel_open_orders()
            algorithm.liquidate()

    def _begin_day(self, equity: float) -> None:
        is_first = self._day is None
        self._day = self._algorithm.time.date()
        if is_first:
            self._base = equity
        elif self._basis == "previous_close":
            self._base = self._last
        self._limit = self._max_loss / 100.0 if self._unit == "percent" else self._max_loss * self._sigma(equity)

    def _sigma(self, equity: float) -> float:
        """Standard deviation of daily returns of what is held now, at its present weights; 0 if it is not known."""
        algorithm = self._algorithm
        held = [(symbol, float(security.holdings.holdings_value))
                for symbol, security in ((item.key, item.value) for item in algorithm.securities)
                if security.holdings.invested]
        if not held or equity <= 0:
            return 0.0
        closes: dict = {}
        for symbol, value in held:
            bars = [float(bar.close) for bar in algorithm.history[TradeBar](symbol, self._window + 1, Resolution.DAILY)]
            if len(bars) < self._window + 1:
                self._alarm(f"{len(bars)} daily bars of a holding, {self._window + 1} needed")
                return 0.0
            closes[symbol] = bars
        returns = [
            sum(value / equity * (closes[symbol][day + 1] / closes[symbol][day] - 1.0) for symbol, value in held)
            for day in range(self._window)
        ]
        mean = sum(returns) / len(returns)
        return (sum((value - mean) ** 2 for value in returns) / (len(returns) - 1)) ** 0.5

    def _flatten(self) -> None:
        """Called at every look after the limit was reached, until nothing is held."""
        algorithm = self._algorithm
        if list(algorithm.transactions.get_open_orders()):
            return
        if not algorithm.portfolio.invested:
            algorithm.quit("LossGuard: the limit of loss was reached; everything is sold")
            return
        # Orders that were refused, or bought again behind the guard's back.
        algorithm.error("LossGuard: not everything is sold; trying again")
        algorithm.liquidate()

    def _alarm(self, text: str) -> None:
        """Once a day: what cannot be read is no proof that nothing was lost."""
        if self._alarmed != self._algorithm.time.date():
            self._alarmed = self._algorithm.time.date()
            self._algorithm.error(f"LossGuard: {text}; the limit is NOT watched now")
