"""The peer of benches/history.rs: pandas.read_csv on the same zips, dates parsed, closes aligned.

Usage: QC_TEST_SHARED=... python3 peer_pandas.py   (needs pandas)
"""
import glob
import os
import time

import pandas as pd

folder = os.path.join(os.environ["QC_TEST_SHARED"], "data/lean/equity/usa/daily")
files = sorted(glob.glob(os.path.join(folder, "*.zip")))
NAMES = ["time", "open", "high", "low", "close", "volume"]


def read():
    frames = {}
    for file in files:
        frame = pd.read_csv(file, header=None, names=NAMES, compression="zip")
        frame.index = pd.to_datetime(frame["time"], format="%Y%m%d %H:%M")
        frames[os.path.basename(file)] = frame["close"] / 10000
    return pd.concat(frames, axis=1)


rounds = []
for _ in range(7):
    start = time.perf_counter()
    table = read()
    rounds.append(time.perf_counter() - start)
print(f"pandas {pd.__version__}: {len(files)} zips, {len(table)} rows, best {min(rounds) * 1e3:.1f} ms, median {sorted(rounds)[3] * 1e3:.1f} ms")
