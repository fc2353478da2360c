"""Drives both programs with the official Python SDK: what a client not written here sees.

Over stdio and over HTTP, with and without the handshake of older revisions: lists the tools, asks about a pair and about
a basket, runs a whole backtest, makes mistakes and reads the advice. With QC_TEST_SHARED set, the same questions on real
prices are compared with arch and scikit-learn on closes read from the files by lean_reference.py.
"""

import asyncio
import math
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from harness import check, find, held, started
from mcp import Client, StdioServerParameters

BIN = Path(sys.argv[1])
SHARED = os.environ.get("QC_TEST_SHARED")
ALGORITHM = """from AlgorithmImports import *

class BuyAndHold(QCAlgorithm):
    def initialize(self):
        self.set_start_date(2022, 1, 3)
        self.set_end_date(2023, 12, 29)
        self.set_cash(100000)
        self.add_equity("SPY", Resolution.DAILY)

    def on_data(self, data):
        if not self.portfolio.invested:
            self.set_holdings("SPY", 1)
"""

def close(ours, theirs, relative, what):
    check(abs(ours - theirs) <= relative * max(1e-12, abs(theirs)), f"{what}: ours {ours!r}, theirs {theirs!r}")
    print(f"    {what:<46} ours {ours:<22} theirs {theirs}")


def text(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


async def facts(client, tool, **arguments):
    """Calls a tool that must succeed and returns its structured content."""
    result = await client.call_tool(tool, arguments)
    check(not result.is_error, f"{tool} {arguments}: {text(result)}")
    check(result.structured_content is not None, f"{tool} answers with text alone: {text(result)}")
    check(text(result).strip(), f"{tool} has no text")
    return result.structured_content


@asynccontextmanager
async def served(transport, arguments, environment):
    """What `Client` connects to: parameters of a child process, or the address of a started server."""
    environment = {"PATH": os.environ["PATH"], "LOG_LEVEL": "INFO", **environment}
    if transport == "stdio":
        yield StdioServerParameters(command=str(BIN / "qc-mcp-stdio"), args=arguments, env=environment)
        return
    command = [BIN / "qc-mcp-http", *arguments, "--port", "0"]
    with started(command, r"listening on (http://\S+)", environment) as found:
        yield found[1]


async def looks_around(client):
    tools = (await client.list_tools()).tools
    names = {tool.name for tool in tools}
    wanted = {"create_project", "create_backtest", "get_history", "test_cointegration", "perform_pca_analysis"}
    check(wanted <= names, f"missing: {wanted - names}")
    for tool in tools:
        check(tool.description and tool.input_schema.get("type") == "object", f"{tool.name} is not described")
        check(tool.annotations.read_only_hint is not None, f"{tool.name} has no hints")
    await facts(client, "get_server_status")


async def asks(client):
    pair = await facts(
        client, "test_cointegration", symbol1="KO", symbol2="PEP", start_date="2016-01-04", end_date="2023-12-29"
    )
    check(find(pair, "is_cointegrated") is True, pair)
    check("synthetic" in str(pair), "an answer from the demo's market does not say so")
    basket = await facts(
        client,
        "perform_pca_analysis",
        symbols=["GOOGL", "AMZN", "MSFT"],
        start_date="2023-01-03",
        end_date="2023-12-29",
    )
    ratios = find(basket, "explained_variance_ratio")
    check(len(ratios) == 3 and abs(sum(ratios) - 1) < 1e-3, basket)


async def runs_a_backtest(client):
    project = find(await facts(client, "create_project", name="Foreign client", language="Py"), "project_id")
    await facts(client, "create_file", project_id=project, name="main.py", content=ALGORITHM)
    compiled = await facts(client, "compile_project", project_id=project)
    started = await facts(
        client,
        "create_backtest",
        project_id=project,
        compile_id=find(compiled, "compile_id"),
        backtest_name="first",
    )
    backtest = {"project_id": project, "backtest_id": find(started, "backtest_id")}
    for _ in range(300):
        done = await facts(client, "read_backtest", **backtest)
        if find(done, "status") == "completed":
            break
        await asyncio.sleep(0.1)
    check(find(done, "status") == "completed", done)
    check(find(done, "statistics"), done)
    chart = await facts(client, "read_backtest_chart", name="Strategy Equity", **backtest)
    check("Equity" in str(chart), chart)
    orders = await facts(client, "read_backtest_orders", **backtest)
    check("SPY" in str(orders), orders)


async def makes_mistakes(client):
    for tool, arguments, expected in [
        ("read_backtest", {"project_id": 1, "backtest_id": "none"}, "hint"),
        ("test_cointegration", {"symbol1": "KO"}, "symbol2"),
        ("test_cointegration", {"symbol1": "KO", "symbol2": "NOPE", "start_date": "2022-01-03", "end_date": "2022-12-30"}, "NOPE"),
        ("perform_pca_analysis", {"symbols": ["KO", "PEP"], "start_date": "2023-12-29", "end_date": "2022-01-03"}, "2022"),
    ]:
        result = await client.call_tool(tool, arguments)
        check(result.is_error and expected in text(result), f"{tool} {arguments}: {text(result)}")
    check((await client.list_tools()).tools, "the server stopped serving")


async def compares_figures(client, folder):
    import lean_reference as reference
    import numpy

    for pair, first, last, verdict in [
        (("USO", "BNO"), "2011-01-03", "2015-12-31", True),
        (("SPY", "IWM"), "2015-01-02", "2019-12-31", False),
    ]:
        answer = await facts(
            client, "test_cointegration", symbol1=pair[0], symbol2=pair[1], start_date=first, end_date=last
        )
        print(f"  {pair[0]} and {pair[1]}, {first} to {last}: cointegrated = {find(answer, 'is_cointegrated')}")
        prices = numpy.log(reference.table(folder, pair, first, last))
        lags = math.ceil(12 * (len(prices) / 100) ** 0.25)
        theirs = reference.cointegration(prices[:, 0], prices[:, 1], lags)
        close(find(answer, "cointegration_statistic"), theirs["statistic"], 1e-6, "statistic of symbol1 on symbol2")
        close(find(answer, "cointegration_pvalue"), theirs["p_value"], 1e-5, "p-value of symbol1 on symbol2")
        back = reference.cointegration(prices[:, 1], prices[:, 0], lags)
        pair_p = min(1.0, 2 * min(theirs["p_value"], back["p_value"]))
        close(find(answer, "pair_pvalue"), pair_p, 1e-5, "p-value of the pair")
        check(find(answer, "is_cointegrated") == (theirs["p_value"] < 0.05) == verdict, answer)

    symbols, first, last = ["AAPL", "BAC", "IBM", "AIG"], "2010-01-04", "2014-12-31"
    prices = reference.table(folder, symbols, first, last)
    for mode in ["correlation", "covariance"]:
        answer = await facts(
            client, "perform_pca_analysis", symbols=symbols, start_date=first, end_date=last, mode=mode
        )
        print(f"  principal components of {', '.join(symbols)}, {first} to {last}, {mode}")
        ratios, _ = reference.principal_components(prices, standardise=mode == "correlation")
        for index, (ours, theirs) in enumerate(zip(find(answer, "explained_variance_ratio"), ratios, strict=True)):
            close(ours, float(theirs), 1e-6, f"share of component {index + 1}")


async def main():
    for transport in ["stdio", "http"]:
        for mode in ["auto", "legacy"]:
            async with served(transport, ["--demo"], {}) as server, Client(server, mode=mode) as client:
                await looks_around(client)
                await asks(client)
                await makes_mistakes(client)
                if mode == "auto":
                    await runs_a_backtest(client)
            print(f"{transport}, {mode}: looked around, asked, erred{', ran a backtest' if mode == 'auto' else ''}")
        if SHARED:
            folder = str(Path(SHARED) / "data" / "lean")
            print(f"{transport}, on the prices of QC_TEST_SHARED:")
            async with served(transport, [], {"QC_DATA_FOLDER": folder}) as server, Client(server) as client:
                await compares_figures(client, folder)
        else:
            print(f"{transport}: QC_TEST_SHARED is not set, so figures on real prices are not compared")
    print(f"{held()} checks hold")


asyncio.run(main())
