"""Planted secrets: every tool of both programs is called, rightly and wrongly, with the logs at their loudest; then every
answer, log, audit, state file, saved file and metric is searched for what must stand nowhere.

The far end is the simulated service. Arguments come from each tool's own schema; those that carry secrets (an API token,
the settings of a brokerage, of a data provider, of a notification) hold planted ones, in the right place and in wrong types.
"""

import asyncio
import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from harness import check, find, held, simulator
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

BIN, SCRATCH = (Path(argument) for argument in sys.argv[1:3])
WINDOW = {"start_date": "2023-01-03", "end_date": "2023-12-29"}


def planted(name):
    return f"planted-{name}-{secrets.token_hex(12)}"


TYPED = planted("typed-api-token")
BROKER = planted("typed-brokerage-password")
PROFILE = planted("profile-password")
PROVIDER = planted("provider-key")
WEBHOOK = planted("webhook-header")
BEARER = planted("bearer")
WRONG_BEARER = planted("wrong-bearer")
STATE_KEY = planted("state-key") + secrets.token_hex(16)
COOKIE = planted("cookie")


def forms(user, secret):
    """A secret as it stands, and as the wire and careless code would write it."""
    raw = secret.encode()
    pair = f"{user}:{secret}".encode()
    return {
        secret,
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        base64.b64encode(pair).decode().rstrip("="),
        hashlib.sha256(raw).hexdigest(),
        secret[:-8],
    }


def sample(name, schema, world):
    """A value that fits a property of a schema."""
    known = {
        "project_id": world["project"],
        "project": world["project"],
        "backtest_id": "latest",
        "compile_id": world["compile"],
        "api_token": TYPED,
        "user_id": world["user id"],
        "brokerage_config": {"id": "InteractiveBrokersBrokerage", "ib-user-name": "someone", "ib-account": "DU1", "ib-password": BROKER},
        "data_providers": {"PolygonDataFeed": {"id": "PolygonDataFeed", "polygon-api-key": PROVIDER}},
        "notification": {"events": ["order"], "targets": [{"address": "https://example.com", "headers": {"key": WEBHOOK}}]},
        "credentials_profile": "paper-desk",
        "symbols": ["KO", "PEP", "SPY"],
        "portfolio_symbols": ["KO", "PEP"],
        "tickers": ["KO", "PEP"],
        "symbol1": "KO",
        "symbol2": "PEP",
        "weights": [0.5, 0.3, 0.2],
        "name": "main.py",
        "job": "work.unknown",
        "wait_seconds": 1,
        "series": "KO",
        "benchmark": "SPY",
        "benchmark_symbol": "SPY",
        **WINDOW,
    }
    if name in known:
        return known[name]
    if "enum" in schema:
        return schema["enum"][0]
    return {
        "integer": max(1, int(schema.get("minimum", 1))),
        "number": float(schema.get("minimum", 1)),
        "boolean": False,
        "array": [],
        "object": {},
    }.get(schema.get("type"), "text")


def careless(value):
    """The same in types that no tool wants: as text of another language, inside a list, under another name."""
    return [str(value), [value], {"nested": value}, json.dumps(value)]


SECRET_ARGUMENTS = ("api_token", "brokerage_config", "data_providers", "notification")


def calls(tools, world):
    """Every tool with what it requires, with everything it takes, and with each secret in wrong types."""
    for tool in tools:
        if tool.name in ("call_tool", "run_pipeline"):
            continue
        properties = tool.input_schema.get("properties", {})
        full = {name: sample(name, schema, world) for name, schema in properties.items() if name != "confirm_token"}
        required = {name: full[name] for name in tool.input_schema.get("required", []) if name in full}
        yield tool.name, required
        yield tool.name, full
        for name in SECRET_ARGUMENTS:
            if name in properties:
                for wrong in careless(full[name]):
                    yield tool.name, {**required, name: wrong}
                yield tool.name, {**required, name.replace("_", "-") + "s": full[name]}
    through = {"tool": "configure_quantconnect_auth", "arguments": {"user_id": "1", "api_token": TYPED}}
    yield "call_tool", through
    yield "call_tool", {"tool": "create_live_algorithm", "arguments": {"brokerage_config": {"ib-password": BROKER}}}
    yield "run_pipeline", {"steps": [{"tool": "get_auth_status"}, through]}
    yield "run_pipeline", {"steps": [through, {"tool": "read_project", "arguments": {"project_id": {"from": "/1/user_id"}}}]}


async def agrees(_context, _question):
    return ElicitResult(action="accept", content={"confirm": True})


async def drives(client, world, said):
    """Calls everything; answers and errors are collected as text."""
    made = await client.call_tool("create_project", {"name": f"Planted {time.time_ns()}", "language": "Py"})
    world["project"] = find(made.structured_content, "project_id")
    compiled = await client.call_tool("compile_project", {"project_id": world["project"]})
    world["compile"] = find(compiled.structured_content, "compile_id")
    tools = (await client.list_tools()).tools
    names = {tool.name for tool in tools}
    check({"create_live_algorithm", "wait_for_job", "call_tool", "configure_quantconnect_auth"} <= names, f"not all tools: {len(names)}")
    # What signs out or removes the project comes last.
    last = ("clear_quantconnect_auth", "configure_quantconnect_auth", "delete_project")
    tools.sort(key=lambda tool: last.index(tool.name) + 1 if tool.name in last else 0)
    n_called = n_refused = 0
    for tool, arguments in calls(tools, world):
        try:
            answer = await client.call_tool(tool, arguments)
            said.append((tool, answer.model_dump_json()))
            n_refused += bool(answer.is_error)
        except Exception as error:  # a protocol error is an answer too
            said.append((tool, str(error)))
            n_refused += 1
        n_called += 1
    for resource in (await client.list_resources()).resources:
        said.append((str(resource.uri), (await client.read_resource(resource.uri)).model_dump_json()))
    for address in ["resource://quantconnect/server/status", "resource://quantconnect/performance/metrics", "qc://jobs/work.unknown"]:
        try:
            said.append((address, (await client.read_resource(address)).model_dump_json()))
        except Exception as error:
            said.append((address, str(error)))
    check(n_refused < n_called, "every call was refused")
    return n_called, n_refused


def fetched(address, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
            return answer.read().decode() + str(answer.headers)
    except urllib.error.HTTPError as error:
        return error.read().decode() + str(error.headers)


@asynccontextmanager
async def stdio(environment, log):
    with log.open("w") as into:
        server = StdioServerParameters(command=str(BIN / "qc-mcp-stdio"), args=[], env=environment)
        from mcp.client.stdio import stdio_client

        async with Client(stdio_client(server, errlog=into), elicitation_callback=agrees) as client:
            yield client


@asynccontextmanager
async def http(environment, log, headers, said):
    with log.open("w") as into:
        process = subprocess.Popen([BIN / "qc-mcp-http", "--port", "0"], env=environment, stderr=into)
    try:
        for _ in range(400):
            line = next((line for line in log.read_text().splitlines() if "listening on http://" in line), None)
            if line:
                break
            check(process.poll() is None, f"it ended: {log.read_text()}")
            time.sleep(0.05)
        root = "http://" + line.split("listening on http://")[1].split("/")[0]
        async with (
            httpx2.AsyncClient(headers=headers, timeout=120) as carrier,
            Client(streamable_http_client(f"{root}/mcp", http_client=carrier), elicitation_callback=agrees) as client,
        ):
            yield client
        right = {"Authorization": headers.get("Authorization", "")}
        for path in ["/metrics", "/health", "/mcp", "/.well-known/oauth-protected-resource"]:
            for sent in [right, {"Authorization": f"Bearer {WRONG_BEARER}"}, {"Cookie": f"session={COOKIE}"}]:
                said.append((path, fetched(root + path, sent)))
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def searches(secrets_of, said, home):
    """Looks for every secret in every form, in what was said and in every file that the server wrote."""
    files = [path for path in home.rglob("*") if path.is_file() and "market" not in path.parts and path.name != "profiles.json"]
    check(any(path.name == "state.db" for path in files) and any(path.name == "audit.jsonl" for path in files), f"files: {files}")
    texts = [(place, text.encode()) for place, text in said] + [(str(path), path.read_bytes()) for path in files]
    seen = sum(b"Planted " in data for _, data in texts)
    check(2 <= seen, "the search finds not even the name of the project")
    found = []
    for name, variants in secrets_of.items():
        for place, data in texts:
            if any(form.encode() in data for form in variants):
                found.append((name, place))
    check(not found, f"secrets stand in: {found[:20]}")
    return len(texts), sum(len(data) for _, data in texts)


async def main():
    for transport in ["stdio", "bearer", "headers"]:
        home = SCRATCH / f"secrets-{transport}"
        home.mkdir(mode=0o700)
        with simulator(BIN, home / "market") as world:
            (home / "profiles.json").write_text(json.dumps({"paper-desk": {"brokerage": {"id": "InteractiveBrokersBrokerage", "ib-password": PROFILE}, "callers": [f"user:{world['user id']}"]}}))
            token, user = world["api token"], world["user id"]
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(home),
                "LOG_LEVEL": "TRACE",
                "QC_API_URL": world["address"],
                "QC_DATA_FOLDER": str(home / "market"),
                "QC_MCP_STATE_DIR": str(home / "state"),
                "QC_MCP_BROKERAGE_PROFILES": str(home / "profiles.json"),
                "QC_MCP_STATE_KEY": STATE_KEY,
                "QC_MCP_TOOLSETS": "all,discover",
                "QC_MCP_BACKTESTS_PER_MINUTE": "1000",
                "QC_MCP_MAX_WAIT_SECONDS": "2",
            }
            headers = {"Cookie": f"session={COOKIE}"}
            if transport == "headers":
                environment["QC_MCP_CREDENTIALS"] = "headers"
                headers |= {"X-QuantConnect-User-Id": user, "X-QuantConnect-Api-Token": token}
            else:
                environment |= {"QUANTCONNECT_USER_ID": user, "QUANTCONNECT_API_TOKEN": token}
                environment["QC_MCP_OUTPUT_DIR"] = str(home / "out")
                (home / "out").mkdir()
            if transport != "stdio":
                environment["QC_MCP_AUTH_TOKEN"] = BEARER
                headers["Authorization"] = f"Bearer {BEARER}"
            said = []
            log = home / "server.log"
            session = stdio(environment, log) if transport == "stdio" else http(environment, log, headers, said)
            async with session as client:
                called, refused = await drives(client, world, said)
            check("tool call" in log.read_text(), "the log was not captured")
            everything = {"api token": token, "typed token": TYPED, "typed broker": BROKER, "profile": PROFILE, "provider": PROVIDER, "webhook": WEBHOOK, "bearer": BEARER, "wrong bearer": WRONG_BEARER, "state key": STATE_KEY, "cookie": COOKIE}
            places, size = searches({name: forms(user, secret) for name, secret in everything.items()}, said, home)
        print(f"{transport}: {called} calls ({refused} refused), {len(everything)} secrets looked for in {places} places, {size // 1000} kB")


asyncio.run(main())
print(f"{held()} checks hold")
