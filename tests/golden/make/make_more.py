#!/usr/bin/env python3
"""Further golden numbers for qc-quant, of methods that make_golden.py does not cover.
usage: python make_more.py   writes ../quant/golden-more.json.
Needs: numpy pandas scipy statsmodels arch.  Every series is simulated here with numpy's PCG64 and embedded."""
import json, math, os, importlib.metadata
import numpy as np, pandas as pd
from scipy import optimize
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import S_hac_simple
from arch.unitroot import PhillipsPerron

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, '..', 'quant', 'golden-more.json')
T8 = dict(rel=1e-8, abs=1e-10)
datasets, cases, count = {}, [], {}


def data(name, frame, note):
    frame = frame.round(10)
    datasets[name] = dict(kind='synthetic', note=note, index=list(range(len(frame))), columns=list(frame.columns),
                          values={c: frame[c].tolist() for c in frame.columns})
    return frame


def add(algo, inputs, expected, tol, reference):
    count[algo] = count.get(algo, 0) + 1
    cases.append(dict(id=f'{algo}-{count[algo]}', algo=algo, inputs=inputs, expected=expected, tol=tol, reference=reference))


def auto_lags(n):
    return int(math.floor(4 * (n / 100) ** (2 / 9)))


g = np.random.default_rng(20261122)
n = 300
e = g.standard_normal((n, 4))
walk = np.cumsum(e[:, 0])
ar = np.zeros(n)
ma = np.zeros(n)
for t in range(1, n):
    ar[t] = 0.8 * ar[t - 1] + e[t, 1]
    ma[t] = ma[t - 1] + e[t, 2] - 0.5 * e[t - 1, 2]
levels = data('levels', pd.DataFrame(dict(walk=walk, ar=ar + 3, ma=ma + 100, drift=0.05 * np.arange(n) + np.cumsum(e[:, 3]))),
              'random walk, AR(1) of .8, walk with MA(1) increments of -.5, walk with drift')
market = g.standard_t(6, n) * 0.008
betas = np.linspace(0.5, 1.5, 8)
names = [f'S{i}' for i in range(8)]
R = data('returns', pd.DataFrame(market[:, None] * betas + g.standard_t(5, (n, 8)) * 0.01 + 0.0004, columns=names),
         'one market factor and fat-tailed noise')
smooth = g.standard_normal(n + 1) * 0.01
B = data('strategy', pd.DataFrame(dict(market=market, stale=0.0006 + 0.6 * smooth[1:] + 0.4 * smooth[:-1] + 0.3 * market)),
         'a factor, and a strategy whose returns are smoothed')

for column in levels.columns:
    for trend in ('n', 'c', 'ct'):
        for lags in (None, 0, 4):
            tau = PhillipsPerron(levels[column].values, trend=trend, lags=lags, test_type='tau')
            rho = PhillipsPerron(levels[column].values, trend=trend, lags=lags, test_type='rho')
            add('phillips_perron', dict(dataset='levels', series=column, trend=trend, lags=lags),
                dict(tau=tau.stat, tau_p=tau.pvalue, tau_critical=[tau.critical_values[k] for k in ('1%', '5%', '10%')],
                     rho=rho.stat, rho_p=rho.pvalue, rho_critical=[rho.critical_values[k] for k in ('1%', '5%', '10%')],
                     lags=tau.lags, nobs=tau.nobs),
                dict(T8, tau_p=dict(abs=1e-8), rho_p=dict(abs=1e-8)), 'arch PhillipsPerron')

for half_life in (5.0, 21.0, 126.0):
    c = R.ewm(halflife=half_life).cov().loc[n - 1].values
    add('ewma_covariance', dict(dataset='returns', half_life=half_life), dict(covariance=c.tolist()), T8, 'pandas ewm(halflife).cov()')

for column in ('market', 'stale'):
    r = B[column].values
    mu, s2 = r.mean(), r.var()
    sr = mu / r.std(ddof=1)
    for lags in (0, 3, auto_lags(n)):
        # the two moments and their long-run covariance; SR = mu / sigma by the delta method
        m = np.c_[r - mu, (r - mu) ** 2 - s2]
        S = S_hac_simple(m, nlags=lags) / n
        d = np.array([1 / math.sqrt(s2), -sr / (2 * s2)])
        add('sharpe_hac', dict(dataset='strategy', series=column, lags=lags),
            dict(standard_error=math.sqrt(d @ (S / n) @ d)), T8, 'statsmodels S_hac_simple, delta method')
for lags in (0, 3, auto_lags(n)):
    f = sm.OLS(B['stale'].values, sm.add_constant(B['market'].values)).fit(
        cov_type='HAC', cov_kwds=dict(maxlags=lags, use_correction=True), use_t=True)
    add('alpha_hac', dict(dataset='strategy', y='stale', x='market', lags=lags),
        dict(alpha=f.params[0], beta=f.params[1], standard_error=f.bse[0], t=f.tvalues[0], p_value=f.pvalues[0],
             beta_standard_error=f.bse[1]), T8, 'statsmodels OLS, HAC with correction, Student')


def cvar_of(w, confidence):
    loss = np.sort(-(R.values @ w))[::-1]
    k = (1 - confidence) * n
    f = int(math.floor(k + 1e-12))
    return (loss[:f].sum() + ((k - f) * loss[f] if f < n else 0)) / k


def cvar_lp(confidence, lower, upper, equal, at_most, turnover=None):
    """Rockafellar and Uryasev's linear program by HiGHS: weights, threshold, shortfalls (and trades)"""
    m = 8
    extra = m if turnover else 0
    width = m + extra + 1 + n
    k = 100.0
    cost = np.zeros(width)
    cost[m + extra] = 1
    cost[m + extra + 1:] = 1 / ((1 - confidence) * n)
    A = np.zeros((n, width))
    A[:, :m] = -k * R.values
    A[:, m + extra] = -1
    A[:, m + extra + 1:] = -np.eye(n)
    ub, rhs = [A], [np.zeros(n)]
    for a, b in at_most:
        row = np.zeros((1, width))
        row[0, :m] = a
        ub.append(row)
        rhs.append([b])
    if turnover:
        held, most = turnover
        for sign in (1, -1):
            rows = np.zeros((m, width))
            rows[:, :m] = sign * np.eye(m)
            rows[:, m:2 * m] = -np.eye(m)
            ub.append(rows)
            rhs.append(sign * held)
        row = np.zeros((1, width))
        row[0, m:2 * m] = 0.5
        ub.append(row)
        rhs.append([most])
    eq = np.zeros((len(equal), width))
    for i, (a, _) in enumerate(equal):
        eq[i, :m] = a
    bounds = list(zip(lower, upper)) + [(0, None)] * extra + [(None, None)] + [(0, None)] * n
    found = optimize.linprog(cost, np.vstack(ub), np.concatenate(rhs), eq, [b for _, b in equal], bounds, method='highs')
    return (found.x[:m], found.fun / k) if found.success else (None, None)


sides = [1, -1, 1, -1, 1, -1, 1, -1]
one = [1.0] * 8
mu = R.mean().tolist()
b = [float(np.cov(R[c], B['market'])[0, 1] / B['market'].var()) for c in names]
long_row = [1.0 if s > 0 else 0.0 for s in sides]
short_row = [0.0 if s > 0 else 1.0 for s in sides]
books = dict(lower=[0.0 if s > 0 else -0.4 for s in sides], upper=[0.4 if s > 0 else 0.0 for s in sides])
plain = dict(lower=[0.0] * 8, upper=[0.3] * 8)
whole = [(one, 1.0)]
problems = [
    (0.95, plain, whole, [], None),
    (0.9, plain, whole, [([-v for v in mu], -float(np.quantile(mu, 0.7)))], None),
    (0.9, plain, whole, [([1, 1, 1, 0, 0, 0, 0, 0], 0.4), ([-1, -1, -1, 0, 0, 0, 0, 0], -0.3)], None),
    (0.95, dict(lower=[-0.2] * 8, upper=[0.5] * 8), whole, [], None),
    (0.9, books, [(long_row, 0.5), (short_row, -0.5)], [], None),
    (0.95, books, [(long_row, 0.5), (short_row, -0.5), (b, 0.0)], [], None),
    (0.95, books, [(long_row, 0.75), (short_row, -0.75), (b, 0.0)], [([-v for v in mu], -0.0001)], None),
    (0.95, plain, whole, [], (np.full(8, 0.125), 0.1)),
    (0.95, dict(lower=[0.075] * 8, upper=[0.175] * 8), whole, [], None),
    (0.95, plain, whole, [([1, 1, 0, 0, 0, 0, 0, 0], 0.1), ([0, 0, 1, 1, 1, 1, 1, 1], 0.8)], None),
]
for confidence, bounds, equal, at_most, turnover in problems:
    w, value = cvar_lp(confidence, bounds['lower'], bounds['upper'], equal, at_most, turnover)
    expected = dict(status='infeasible') if w is None else dict(cvar=float(cvar_of(w, confidence)))
    if w is not None:
        assert abs(expected['cvar'] - value) < 1e-9 * abs(value) + 1e-12
    add('min_cvar_rows', dict(dataset='returns', confidence=confidence, **bounds,
                              equal=[dict(coefficients=list(map(float, a)), value=v) for a, v in equal],
                              at_most=[dict(coefficients=list(map(float, a)), value=v) for a, v in at_most],
                              turnover=None if turnover is None else dict(held=turnover[0].tolist(), at_most=turnover[1])),
        expected, dict(cvar=dict(rel=1e-7)), 'scipy linprog, HiGHS dual simplex')

C = np.cov(R.values, rowvar=False)
scale = np.mean(np.diag(C))


def slsqp(f, grad, conditions, bounds, start):
    best = None
    for s in (start, np.full(8, 0.125)):
        r = optimize.minimize(f, s, jac=grad, method='SLSQP', bounds=bounds, constraints=conditions,
                              options=dict(ftol=1e-15, maxiter=2000))
        if best is None or r.fun < best.fun:
            best = r
    return best.x


def row_conditions(equal, at_most):
    return ([dict(type='eq', fun=lambda w, a=np.array(a, float), v=v: a @ w - v, jac=lambda w, a=np.array(a, float): a) for a, v in equal]
            + [dict(type='ineq', fun=lambda w, a=np.array(a, float), v=v: v - a @ w, jac=lambda w, a=np.array(a, float): -a) for a, v in at_most])


for bounds, equal, at_most in ((plain, whole, [([1, 1, 1, 0, 0, 0, 0, 0], 0.3)]), (books, [(long_row, 0.5), (short_row, -0.5), (b, 0.0)], [])):
    w = slsqp(lambda w: w @ C @ w / scale, lambda w: 2 * C @ w / scale, row_conditions(equal, at_most),
              list(zip(bounds['lower'], bounds['upper'])), np.array(bounds['upper']) + np.array(bounds['lower']))
    add('min_variance_rows', dict(dataset='returns', **bounds, equal=[dict(coefficients=list(map(float, a)), value=v) for a, v in equal],
                                  at_most=[dict(coefficients=list(map(float, a)), value=v) for a, v in at_most]),
        dict(variance=float(w @ C @ w)), dict(variance=dict(rel=1e-7)), 'scipy SLSQP')
least = slsqp(lambda w: w @ C @ w / scale, lambda w: 2 * C @ w / scale, row_conditions(whole, []), [(0, 0.4)] * 8, np.full(8, 0.125))
least = math.sqrt(least @ C @ least)
for factor in (1.1, 1.4):
    cap = float(factor * least)
    m = np.array(mu) / max(mu)
    conditions = row_conditions(whole, []) + [dict(type='ineq', fun=lambda w: (cap ** 2 - w @ C @ w) / scale, jac=lambda w: -2 * C @ w / scale)]
    w = slsqp(lambda w: -m @ w, lambda w: -m, conditions, [(0, 0.4)] * 8, np.full(8, 0.125))
    add('target_volatility', dict(dataset='returns', lower=[0.0] * 8, upper=[0.4] * 8, equal=[dict(coefficients=one, value=1.0)], at_most=[],
                                  max_volatility=cap),
        dict(expected=float(np.array(mu) @ w), volatility=math.sqrt(w @ C @ w), least_volatility=least),
        dict(expected=dict(rel=1e-7), volatility=dict(rel=1e-7), least_volatility=dict(rel=1e-7)), 'scipy SLSQP')

w = np.array([0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05])
for weights in (w, 0.8 * w, np.array([0.5, -0.2, 0.3, 0.1, 0.1, 0.1, -0.1, 0.0])):
    cash = 0.0001
    moved = []
    for r in R.values:
        grown = np.r_[weights * (1 + r), (1 - weights.sum()) * (1 + cash)]
        moved.append(0.5 * np.abs(np.r_[weights, 1 - weights.sum()] - grown / grown.sum()).sum())
    add('drift_turnover', dict(dataset='returns', weights=weights.tolist(), cash_rate=cash, periods_per_year=252.0),
        dict(per_period=float(np.mean(moved)), annual=float(np.mean(moved) * 252), every_50=[float(v) for v in moved[::50]]), T8, 'numpy')

versions = {k: importlib.metadata.version(k) for k in ('numpy', 'pandas', 'scipy', 'statsmodels', 'arch')}
out = dict(meta=dict(tag='more', generator='make_more.py', versions=versions, counts=count), datasets=datasets, cases=cases)
with open(OUT, 'w') as f:
    json.dump(out, f, separators=(',', ':'), allow_nan=False)
print(OUT, os.path.getsize(OUT), count)
