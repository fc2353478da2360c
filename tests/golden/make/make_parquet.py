"""Small Parquet files of invented prices, as pandas and pyarrow write them, for `tests/lean`.

Usage: python3 make_parquet.py FOLDER   (needs pandas and pyarrow)
"""
import datetime
import os
import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = sys.argv[1]
DAYS = pd.date_range("2024-01-02", periods=40, freq="B")
SPY = [400.0 + 0.25 * n for n in range(40)]
IWM = [None if n % 7 == 3 else 190.0 - 0.5 * n for n in range(40)]


def path(name):
    return os.path.join(FOLDER, name + ".parquet")


wide = pd.DataFrame({"SPY": SPY, "IWM": IWM}, index=pd.Index(DAYS, name="date"))
wide.to_parquet(path("wide_snappy"))
wide.to_parquet(path("wide_gzip"), compression="gzip")
wide.to_parquet(path("wide_plain"), compression=None, use_dictionary=False)
wide.to_parquet(path("wide_second_pages"), data_page_version="2.0", data_page_size=64, row_group_size=17)
wide.to_parquet(path("wide_zstd"), compression="zstd")
long = wide.reset_index().melt(id_vars="date", var_name="symbol", value_name="close").dropna()
long.to_parquet(path("long_dictionary"), index=False)
wide.tz_localize("America/New_York").to_parquet(path("wide_with_zone"))
schema = pa.schema([("day", pa.date32()), ("close", pa.float32()), ("volume", pa.int32())])
table = pa.table({"day": [d.date() for d in DAYS], "close": SPY, "volume": [n * 100 for n in range(40)]}, schema=schema)
pq.write_table(table, path("fields_of_days"))
pq.write_table(table, path("old_moments"), use_deprecated_int96_timestamps=True)
moments = pa.table({"time": pa.array([datetime.datetime(2024, 1, 2, 9, 30 + n) for n in range(20)], pa.timestamp("ms")), "XYZ": SPY[:20]})
pq.write_table(moments, path("minutes_in_milliseconds"))
pq.write_table(moments, path("minutes_in_int96"), use_deprecated_int96_timestamps=True)
os.remove(path("old_moments"))
pq.write_table(pa.table({"date": ["2024-01-02"], "x": [[1.0, 2.0]]}), path("nested"))
wide.tz_localize("Europe/Berlin").to_parquet(path("days_of_berlin"))
wide.iloc[:5].tz_localize(datetime.timezone(datetime.timedelta(hours=9))).to_parquet(path("days_nine_hours_ahead"))
bare = pa.table({"time": pa.array([d.to_pydatetime() for d in DAYS.tz_localize("Europe/Berlin")], pa.timestamp("us", "UTC")), "SPY": SPY})
pq.write_table(bare, path("moments_without_clock"))
counts = pa.table({
    "date": pa.array([d.date() for d in DAYS[:3]], pa.date32()),
    "thirty_two": pa.array([1, 2**31, 2**32 - 1], pa.uint32()),
    "sixty_four": pa.array([1, 2**63, 2**64 - 2048], pa.uint64()),
    "small": pa.array([1, 128, 255], pa.uint8()),
    "at": pa.array([datetime.time(9, 30)] * 3, pa.time64("us")),
})
pq.write_table(counts, path("counts_never_below_zero"))
# Millions of rows in a few kilobytes: the same number, or nothing at all, over and over.
def repeated(name, column, values):
    page = {"data_page_size": 1 << 30, "row_group_size": len(values), "write_batch_size": len(values), "compression": "gzip"}
    pq.write_table(pa.table({column: values}), path(name), **page)


repeated("a_number_repeated", "SPY", pa.repeat(1.5, 9_000_000))
repeated("texts_of_nothing", "symbol", pa.nulls(4_000_000, pa.string()))
