"""Runs the programs that export_strategy writes on a stand-in of QCAlgorithm: when they trade, what they ask for, and when
they sell everything. Not LEAN: only what the programs call."""

import sys
import types
from datetime import datetime, timedelta
from math import exp

stand_in = types.ModuleType("AlgorithmImports")


class Target:
    def __init__(self, symbol, weight):
        self.symbol, self.weight = symbol, weight


class Security:
    def __init__(self, symbol):
        self.symbol, self.has_data, self.leverage = symbol, True, None

    def set_leverage(self, leverage):
        self.leverage = leverage


class Rules:
    def __getattr__(self, name):
        return lambda *arguments: (name, *arguments)


class QCAlgorithm:
    def __init__(self):
        self.securities, self.scheduled, self.orders, self.errors, self.sold = {}, [], [], [], 0
        self.portfolio = types.SimpleNamespace(total_portfolio_value=100.0)
        self.settings = types.SimpleNamespace()
        self.date_rules = self.time_rules = Rules()
        self.schedule = types.SimpleNamespace(on=lambda day, time, call: self.scheduled.append((day, call)))
        self.time = datetime(2020, 1, 2)

    def set_start_date(self, year, month, day):
        self.start = (year, month, day)

    def set_end_date(self, year, month, day):
        self.end = (year, month, day)

    def set_cash(self, cash):
        self.cash = cash

    def set_benchmark(self, ticker):
        self.benchmark = ticker

    def add_equity(self, ticker, resolution):
        assert resolution == "daily"
        return self.securities.setdefault(ticker, Security(ticker))

    def set_holdings(self, targets):
        self.orders.append({target.symbol: target.weight for target in targets})

    def liquidate(self):
        self.sold += 1

    def error(self, text):
        self.errors.append(text)


stand_in.QCAlgorithm, stand_in.PortfolioTarget = QCAlgorithm, Target
stand_in.Symbol, stand_in.Slice = str, object
stand_in.Resolution = types.SimpleNamespace(DAILY="daily")
sys.modules["AlgorithmImports"] = stand_in
sys.path.insert(0, sys.argv[1])
import pairs  # noqa: E402
import target_weights  # noqa: E402


def weights(rebalance, max_loss=0.0):
    target_weights.REBALANCE, target_weights.MAX_LOSS = rebalance, max_loss
    algorithm = target_weights.TargetWeights()
    algorithm.initialize()
    return algorithm


def day(algorithm, when, equity=100.0):
    """One day: what is scheduled for it, in its order."""
    algorithm.time, algorithm.portfolio.total_portfolio_value = when, equity
    for rule, call in algorithm.scheduled:
        begins = {"every_day": True, "month_start": when.day == 1, "week_start": when.weekday() == 0}[rule[0]]
        if begins:
            call()


# Bought once every security has a price, then on the first day of each period and never between.
a = weights("monthly")
a.securities["IWM"].has_data = False
day(a, datetime(2020, 1, 2))
assert not a.orders
a.securities["IWM"].has_data = True
day(a, datetime(2020, 1, 3))
assert a.orders == [{"SPY": 0.6, "IWM": 0.4}], a.orders
for offset in range(1, 60):
    day(a, datetime(2020, 1, 3) + timedelta(days=offset))
assert len(a.orders) == 3, len(a.orders)
assert (a.start, a.end, a.cash, a.benchmark) == ((2020, 1, 1), (2023, 12, 31), 100_000, "SPY")
assert all(security.leverage == 2.0 for security in a.securities.values())
for rebalance, expected in (("none", 1), ("quarterly", 4), ("weekly", 53)):
    a = weights(rebalance)
    for offset in range(365):
        day(a, datetime(2020, 1, 2) + timedelta(days=offset))
    assert len(a.orders) == expected, (rebalance, len(a.orders))

# A fall from the peak sells everything, once, and nothing is bought again.
a = weights("monthly", 0.1)
for offset, equity in enumerate((100.0, 120.0, 109.0, 108.0, 130.0)):
    day(a, datetime(2020, 1, 30) + timedelta(days=offset), equity)
assert a.sold == 1 and "10.00%" in a.errors[0] and len(a.orders) == 2, (a.sold, a.errors, a.orders)


class Bars(dict):
    contains_key = dict.__contains__


def pair(**settings):
    defaults = dict(INTERCEPT=0.0, HEDGE_RATIO=0.5, SPREAD_STD=0.01, CONFIRM_DAYS=1, MAX_DAYS=30, GROSS=1.5, MAX_LOSS=0.0)
    for name, value in {**defaults, **settings}.items():
        assert hasattr(pairs, name), name
        setattr(pairs, name, value)
    algorithm = pairs.Pair()
    algorithm.initialize()
    return algorithm


def at(algorithm, *zs, equity=100.0):
    """Days on which the spread stands at these deviations, x being worth 1."""
    algorithm.portfolio.total_portfolio_value = equity
    for z in zs:
        price = types.SimpleNamespace(close=exp(0.01 * z)), types.SimpleNamespace(close=1.0)
        algorithm.on_data(types.SimpleNamespace(bars=Bars(KO=price[0], PEP=price[1])))


# Sold high, bought back near the mean; legs by the hedge ratio, both together the gross.
p = pair()
at(p, 1.9, 2.1)
assert p.orders == [{"KO": -1.0, "PEP": 0.5}], p.orders
at(p, 1.0, 0.6)
assert not p.sold
at(p, 0.4)
assert p.sold == 1
at(p, -2.5)
assert p.orders[-1] == {"KO": 1.0, "PEP": -0.5}
# A stop ends it, and nothing is opened until the spread was inside again.
at(p, -4.1)
assert p.sold == 2
at(p, -3.0, -2.5)
assert len(p.orders) == 2
at(p, -1.0, -2.5)
assert len(p.orders) == 3
# Two days beyond the entry in a row, no trade beyond the stop, an end after so many days.
p = pair(CONFIRM_DAYS=2, MAX_DAYS=3)
at(p, 2.5, 1.0, 2.5, 4.5, 2.5)
assert not p.orders
at(p, 2.5)
assert len(p.orders) == 1
at(p, 2.4, 2.4)
assert not p.sold
at(p, 2.4)
assert p.sold == 1
# A day without both prices is none; a fall from the peak ends everything.
p = pair(MAX_LOSS=0.05)
p.on_data(types.SimpleNamespace(bars=Bars(KO=types.SimpleNamespace(close=2.0))))
assert not p.orders
at(p, 2.5)
at(p, 2.5, equity=95.0)
assert p.sold == 1 and p.stopped
at(p, -2.5)
assert len(p.orders) == 1
print("export: ok")
