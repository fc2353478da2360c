"""Runs the guard that guard_live_algorithm writes on a stand-in of QCAlgorithm: it trips where it should, sells until
nothing is held, says so loudly, and never takes what cannot be read for no loss. Not LEAN: only what the guard calls."""

import sys
import types
from datetime import datetime, timedelta

stand_in = types.ModuleType("AlgorithmImports")


class History:
    def __init__(self, bars):
        self.bars = bars

    def __getitem__(self, _kind):
        return lambda symbol, n, resolution: [types.SimpleNamespace(close=c) for c in self.bars[-n:]]


class QCAlgorithm:
    def __init__(self, closes=()):
        self.is_warming_up = False
        self.time = datetime(2024, 1, 2, 10, 0)
        self.portfolio = types.SimpleNamespace(total_portfolio_value=100.0, invested=True)
        self.errors, self.quits, self.sold, self.cancelled, self.looks, self.open = [], [], 0, 0, [], []
        self.sale_works = True
        self.date_rules = types.SimpleNamespace(every_day=lambda: "every day")
        self.time_rules = types.SimpleNamespace(every=lambda step: step)
        self.schedule = types.SimpleNamespace(on=lambda day, step, look: self.looks.append((step, look)))
        self.transactions = types.SimpleNamespace(get_open_orders=lambda: self.open, cancel_open_orders=self.cancel)
        self.history = History(list(closes))
        holdings = types.SimpleNamespace(invested=True, holdings_value=100.0)
        self.securities = [types.SimpleNamespace(key="KO", value=types.SimpleNamespace(holdings=holdings))]

    def cancel(self):
        self.cancelled += 1
        self.open = []

    def error(self, text):
        self.errors.append(text)

    def quit(self, text):
        self.quits.append(text)

    def liquidate(self):
        self.sold += 1
        if self.sale_works:
            self.portfolio.invested = False

    def look(self, equity, minutes=1):
        self.time += timedelta(minutes=minutes)
        self.portfolio.total_portfolio_value = equity
        [(step, look)] = self.looks
        assert step == timedelta(minutes=1)
        look()


stand_in.QCAlgorithm, stand_in.TradeBar = QCAlgorithm, object
stand_in.Resolution = types.SimpleNamespace(DAILY="daily")
sys.modules["AlgorithmImports"] = stand_in
sys.path.insert(0, sys.argv[1])
from qc_guard import LossGuard  # noqa: E402

DAY = 24 * 60


def guarded(max_loss, unit, basis, closes=(), window=60):
    algorithm = QCAlgorithm(closes)
    LossGuard(algorithm, max_loss, unit, basis, window)
    return algorithm


# Counted from yesterday: a slow fall never trips, a fall of one day does.
a = guarded(5.0, "percent", "previous_close")
for equity in (100.0, 96.0):
    a.look(equity, DAY)
a.look(92.0, DAY)
assert not a.sold and not a.errors, a.errors
a.look(87.0)
assert a.sold == 1 and a.cancelled == 1 and "9.38%" in a.errors[0], a.errors
a.look(87.0)
assert len(a.quits) == 1

# Counted from the start, and from the peak.
a = guarded(5.0, "percent", "deployment")
for equity in (100.0, 120.0, 95.1):
    a.look(equity, DAY)
assert not a.sold
a.look(95.0)
assert a.sold == 1
a = guarded(5.0, "percent", "peak")
for equity in (100.0, 120.0, 114.1):
    a.look(equity)
assert not a.sold
a.look(113.9)
assert a.sold == 1

# A sale that fails is said and tried again at every look, but not while an order is on its way.
a = guarded(5.0, "percent", "peak")
a.sale_works = False
for equity in (100.0, 90.0, 90.0):
    a.look(equity)
assert a.sold == 2 and len(a.errors) == 2 and not a.quits, (a.sold, a.errors)
a.open = ["on its way"]
a.look(90.0)
assert a.sold == 2
a.open, a.sale_works = [], True
a.look(90.0)
a.look(90.0)
assert a.sold == 3 and len(a.quits) == 1

# Not while it warms up; what cannot be read alarms once a day and is no loss of nothing.
a = guarded(5.0, "percent", "peak")
a.is_warming_up = True
a.look(100.0)
a.look(50.0)
a.is_warming_up = False
assert not a.sold
for equity in (100.0, float("nan"), float("nan")):
    a.look(equity)
assert not a.sold and len(a.errors) == 1 and "NOT watched" in a.errors[0]
a.look(94.0)
assert a.sold == 1
# Nothing is left of the account.
a = guarded(50.0, "percent", "peak")
a.look(100.0)
a.look(-1.0)
assert a.sold == 1

# Three sigma of what is held: +1 % and -1 % in turns is about 1 % a day.
closes = [100.0]
for i in range(60):
    closes.append(closes[-1] * (1.01 if i % 2 else 0.99))
a = guarded(3.0, "sigma", "previous_close", closes)
a.look(100.0)
a.look(97.1)
assert not a.sold
a.look(96.8)
assert a.sold == 1, a.errors
# Too short a past: it says that nothing is watched.
a = guarded(3.0, "sigma", "previous_close", closes[:10])
a.look(100.0)
a.look(50.0)
assert not a.sold and len(a.errors) == 1 and "NOT watched" in a.errors[0]
for wrong in ((0.0, "percent", "peak"), (1.0, "euro", "peak"), (1.0, "percent", "noon")):
    try:
        guarded(*wrong)
    except ValueError:
        continue
    raise AssertionError(wrong)
print("the guard trips, sells and alarms as it says")
