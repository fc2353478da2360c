#!/usr/bin/env python3
"""Factor files in the layouts people publish, a fund that is exposed to them, and its regression by statsmodels.
usage: python make_factors.py   writes ../factors/*.csv and ../factors/expected.json
Everything is simulated with numpy's PCG64 from a fixed seed; no market data. Needs numpy, pandas, statsmodels."""
import json, os
import numpy as np, pandas as pd, statsmodels.api as sm

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'factors')
rng = np.random.Generator(np.random.PCG64(20260401))
days = pd.bdate_range('2015-01-01', '2019-12-31')
n = len(days)
mkt = rng.normal(0.0004, 0.010, n)
smb = rng.normal(0.0001, 0.005, n)
rf = np.full(n, 0.00006)

def text(values):
    """As the library prints them: percent with two to four decimals."""
    return np.round(100 * values, 4)

# What a reader sees is what is printed.
daily = pd.DataFrame({'Mkt-RF': text(mkt), 'SMB': text(smb), 'RF': text(rf)}, index=days)
noise = rng.normal(0, 0.006, n)
for t in range(1, n):
    noise[t] += 0.3 * noise[t - 1]
ret = 0.00015 + 0.00006 + 1.2 * daily['Mkt-RF'].values / 100 - 0.4 * daily['SMB'].values / 100 + noise
nav = 100 * np.cumprod(1 + ret)
nav = np.round(np.concatenate([[100.0], nav]), 6)
nav_days = pd.DatetimeIndex([days[0] - pd.tseries.offsets.BDay(1)]).append(days)
nav = pd.Series(nav, index=nav_days)

monthly = 100 * ((1 + daily / 100).groupby(daily.index.to_period('M')).prod() - 1)
monthly = monthly.round(2)

def french(frame, keys, annual):
    lines = ['This file was made by make_factors.py from simulated numbers, in the layout of a published library.',
             'Missing data are indicated by -99.99 or -999.', '', ',Mkt-RF,SMB,RF']
    for key, row in zip(keys, frame.values):
        lines.append(f'{key},' + ','.join(f'{v:8.4f}' if not annual else f'{v:8.2f}' for v in row))
    lines.append('')
    if annual:
        lines += [' Annual Factors: January-December ', ',Mkt-RF,SMB,RF']
        years = 100 * ((1 + frame / 100).groupby(frame.index.year).prod() - 1)
        lines += [f'  {year},' + ','.join(f'{v:8.2f}' for v in row) for year, row in zip(years.index, years.values)]
        lines.append('')
    lines.append('Simulated; free to copy')
    return '\n'.join(lines) + '\n'

def write(name, content):
    with open(os.path.join(HERE, name), 'w', newline='\n') as file:
        file.write(content)

gap = monthly.copy()
gap.iloc[7, 1] = -99.99  # one month without a factor
write('monthly.csv', french(gap, [f'{p.year}{p.month:02d}' for p in gap.index], True))
write('daily.csv', french(daily, [d.strftime('%Y%m%d') for d in daily.index], False))
fractions = monthly / 100
lines = ['Quality minus junk in name alone: simulated', '', 'DATE,USA,Global']
lines += [f'{p.to_timestamp(how="end").strftime("%m/%d/%Y")},{row[0]:.6f},{row[1]:.6f}' for p, row in zip(fractions.index, fractions.values)]
write('aqr.csv', '\n'.join(lines) + '\n')
write('fund.csv', 'date,FUND\n' + ''.join(f'{d.date()},{v:.6f}\n' for d, v in nav.items()))

def regress(y, x, lags):
    fit = sm.OLS(y, sm.add_constant(x)).fit(cov_type='HAC', cov_kwds={'maxlags': lags, 'use_correction': True}, use_t=True)
    return {'rows': int(fit.nobs), 'lags': lags, 'coefficients': list(map(float, fit.params)), 'std_errors': list(map(float, fit.bse)),
            't': list(map(float, fit.tvalues)), 'p': list(map(float, fit.pvalues)), 'r2': float(fit.rsquared)}

auto = lambda rows: int(np.floor(4 * (rows / 100) ** (2 / 9)))
d = nav.pct_change().dropna()
yd = d.values - daily['RF'].values / 100
xd = daily[['Mkt-RF', 'SMB']].values / 100
ends = nav.groupby(nav.index.to_period('M')).last()
m = ends.pct_change().dropna()
m = m[m.index >= '2015-01']
keep = np.array([i for i in range(len(gap)) if gap.iloc[i, 1] > -99])
ym = m.values[keep] - gap['RF'].values[keep] / 100
xm = gap[['Mkt-RF', 'SMB']].values[keep] / 100
xa = fractions[['Mkt-RF']].values.round(6)
expected = {
    'made_by': 'make_factors.py',
    'daily': regress(yd, xd, auto(len(yd))),
    'daily_3_lags': regress(yd, xd, 3),
    'monthly': regress(ym, xm, auto(len(ym))),
    'aqr_usa_without_rate': regress(m.values, xa, auto(len(m))),
}
with open(os.path.join(HERE, 'expected.json'), 'w') as file:
    json.dump(expected, file, indent=1)
    file.write('\n')
