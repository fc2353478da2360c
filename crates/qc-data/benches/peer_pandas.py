"""The peer of benches/history.rs: pandas.read_csv on the same zips, dates parsed, closes aligned.

Usage: QC_TEST_SHARED=... python3 peer_pandas.py   (needs pandas)
"""
import glob
import os
import time

import pandas as pd

FOLDER = os.path.join(os.environ["QC_TEST_SHARED"], "data/lean")
BAR = ["time", "open", "high", "low", "close", "volume"]
QUOTE = ["time"] + [f"{side}{field}" for side in ("bid", "ask") for field in ("open", "high", "low", "close", "size")]


def read_zip(path, names):
    return pd.read_csv(path, header=None, names=names, compression="zip")


def whole(path, names, scale=1.0):
    frame = read_zip(path, names)
    frame.index = pd.to_datetime(frame.pop("time"), format="%Y%m%d %H:%M")
    return frame / scale


def by_day(path, names, scale=10_000.0):
    day = pd.Timestamp(os.path.basename(path)[:8])
    frame = read_zip(path, names)
    frame.index = day + pd.to_timedelta(frame.pop("time"), unit="ms")
    prices = [c for c in frame.columns if "volume" not in c and "size" not in c and c not in ("quantity", "exchange", "condition", "suspicious")]
    frame[prices] = frame[prices] / scale
    return frame


def files(pattern):
    return sorted(glob.glob(os.path.join(FOLDER, pattern)))


def daily():
    paths = files("equity/usa/daily/*.zip")
    return pd.concat({os.path.basename(p): whole(p, BAR)["close"] / 10_000 for p in paths}, axis=1, sort=True)


def days_of(resolution, ticker, names_trade, names_quote, days):
    out = []
    for kind, names in (("trade", names_trade), ("quote", names_quote)):
        paths = [p for p in files(f"equity/usa/{resolution}/{ticker}/*_{kind}.zip") if os.path.basename(p)[:8] in days]
        if paths:
            out.append(pd.concat([by_day(p, names) for p in paths]))
    return out


def minutes():
    trades, quotes = days_of("minute", "spy", BAR, QUOTE, [f"201310{d:02}" for d in range(4, 19)])
    return trades.join(quotes, how="outer")


def seconds():
    frames = days_of("second", "spy", BAR, QUOTE, [f"201310{d:02}" for d in range(7, 12)])
    return frames[0].join(frames[1], how="outer") if len(frames) == 2 else frames[0]


def ticks():
    trade = ["time", "price", "quantity", "exchange", "condition", "suspicious"]
    quote = ["time", "bid", "bidsize", "ask", "asksize", "exchange", "condition", "suspicious"]
    return pd.concat(days_of("tick", "ibm", trade, quote, [f"201310{d:02}" for d in range(7, 12)])).sort_index(kind="stable")


def hours():
    return whole(files("forex/oanda/hour/eurusd.zip")[0], QUOTE)


for name, case in [("daily US shares", daily), ("SPY minutes", minutes), ("SPY seconds", seconds), ("IBM ticks", ticks), ("EURUSD hours", hours)]:
    rounds = []
    for _ in range(5):
        start = time.perf_counter()
        table = case()
        rounds.append(time.perf_counter() - start)
    print(f"pandas {pd.__version__}: {name}: {len(table)} rows, best {min(rounds) * 1e3:.1f} ms, median {sorted(rounds)[2] * 1e3:.1f} ms")
