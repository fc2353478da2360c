"""Adjusted closes straight from the files of a LEAN data folder, and reference statistics on them.

Written against the file format alone, with numpy, arch and scikit-learn: shares no code with the server.
"""

import csv
import zipfile
from pathlib import Path

import numpy
from arch.unitroot.cointegration import engle_granger
from sklearn.decomposition import PCA


def closes(folder, ticker, first, last):
    """{date: close adjusted for splits and dividends} of a US equity's daily bars, dates as yyyymmdd text."""
    equity = Path(folder) / "equity" / "usa"
    with open(equity / "factor_files" / f"{ticker.lower()}.csv", newline="") as file:
        factors = [(row[0], float(row[1]) * float(row[2])) for row in csv.reader(file) if row]
    found = {}
    with zipfile.ZipFile(equity / "daily" / f"{ticker.lower()}.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    for line in text.splitlines():
        cells = line.split(",")
        day = cells[0][:8]
        if first.replace("-", "") <= day <= last.replace("-", ""):
            factor = next(factor for until, factor in factors if day <= until)
            found[day] = float(cells[4]) / 10_000 * factor
    return found


def table(folder, tickers, first, last):
    """Closes of several tickers on the days that all of them have: one column per ticker."""
    columns = [closes(folder, ticker, first, last) for ticker in tickers]
    days = sorted(set.intersection(*(set(column) for column in columns)))
    return numpy.array([[column[day] for column in columns] for day in days])


def cointegration(y, x, max_lags):
    """Statistic, p-value and lags of Engle and Granger's test of y on x with a constant, lags by AIC."""
    test = engle_granger(y, x, trend="c", max_lags=max_lags, method="aic")
    return {"statistic": float(test.stat), "p_value": float(test.pvalue), "lags": int(test.lags)}


def principal_components(prices, standardise):
    """Shares of variance and loadings (one row per component) of simple returns."""
    returns = prices[1:] / prices[:-1] - 1
    data = (returns - returns.mean(axis=0)) / (returns.std(axis=0, ddof=1) if standardise else 1)
    fitted = PCA(svd_solver="full").fit(data)
    return fitted.explained_variance_ratio_, fitted.components_
