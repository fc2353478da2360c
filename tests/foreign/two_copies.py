"""Two copies behind nginx: whatever one of them makes, the other one knows, and what may be done once is done once.

Both copies work for one simulated account, share a state folder and its key, and answer the official Python SDK in turn.
The counts at nginx show that both were asked.
"""

import asyncio
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx2
from harness import check, find, held, says, simulator
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitResult

BIN, NGINX, SCRATCH = (Path(argument) for argument in sys.argv[1:4])
TOKEN = secrets.token_hex(16)
PAIR = {"start_date": "2023-01-03", "end_date": "2023-12-29"}
CONFIGURATION = """
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  log_format counted '$upstream_addr $status $request_method';
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  upstream copies {{
    server {copies[0]} max_fails=1 fail_timeout=60s;
    server {copies[1]} max_fails=1 fail_timeout=60s;
    keepalive 8;
  }}
  server {{
    listen 127.0.0.1:{port};
    access_log {home}/access.log counted;
    client_max_body_size 4m;
    location / {{
      proxy_pass http://copies;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_read_timeout 600s;
    }}
  }}
}}
"""


class Copy:
    """One qc-mcp-http; its log goes to a file."""

    def __init__(self, environment, log):
        self.log = log
        with log.open("w") as into:
            self.process = subprocess.Popen([BIN / "qc-mcp-http", "--port", "0"], env=environment, stderr=into)
        for _ in range(400):
            found = re.search(r"listening on http://([^/\s]+)/", log.read_text())
            if found:
                self.place = found[1]
                self.address = f"http://{self.place}/mcp"
                return
            if self.process.poll() is not None:
                raise AssertionError(f"a copy ended: {log.read_text()}")
            time.sleep(0.05)
        raise AssertionError(f"a copy does not listen: {log.read_text()}")

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        was_killed = self.process.poll() is not None
        self.process.terminate()
        try:
            code = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if failed is None:
            check(was_killed or code == 0, f"a copy did not end cleanly: {code}")


@contextmanager
def balanced(home, copies):
    """nginx in front of the copies; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (home / "nginx.conf").write_text(CONFIGURATION.format(home=home, copies=copies, port=port))
    process = subprocess.Popen([NGINX, "-p", home, "-c", home / "nginx.conf", "-e", home / "error.log"])
    try:
        for _ in range(200):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise AssertionError(f"nginx ended: {(home / 'error.log').read_text()}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@asynccontextmanager
async def connected(address, **options):
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=120) as http,
        Client(streamable_http_client(address, http_client=http), **options) as client,
    ):
        yield client


def text(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


async def facts(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    check(not result.is_error, f"{tool} {arguments}: {text(result)}")
    return result.structured_content


async def refused(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    check(result.is_error, f"{tool} {arguments}: {text(result)}")
    return text(result)


async def one_session_sees_what_it_made(front):
    """Workbooks, lists and results, asked for often enough that both copies answer."""
    for mode in ["auto", "legacy"]:
        async with connected(front, mode=mode) as client:
            name = f"book-{mode}"
            check((await client.list_tools()).tools, "no tools")
            await facts(client, "initialize_quantbook", instance_name=name)
            await facts(client, "save_symbol_list", name=f"list-{mode}", symbols=["KO", "PEP"])
            for _ in range(6):
                says(name, str(await facts(client, "list_quantbook_instances")))
                says(f"list-{mode}", str(await facts(client, "list_symbol_lists")))
            for _ in range(3):
                await facts(client, "test_cointegration", symbol1="KO", symbol2="PEP", instance_name=name, **PAIR)
            await facts(client, "remove_quantbook_instance", instance_name=name)
            for _ in range(4):
                check(name not in str(await facts(client, "list_quantbook_instances")), "it was removed")


async def results_are_read_at_the_other_copy(one, other, front):
    for here, there in [(one, other), (other, one)]:
        pca = await facts(here, "perform_pca_analysis", symbols=["GOOGL", "AMZN", "MSFT"], **PAIR)
        address = f"qc://research/{find(pca, 'research_id')}"
        for reader in [there, front]:
            says("explained_variance_ratio", str((await reader.read_resource(address)).contents[0]))
        listed = [str(resource.uri) for resource in (await there.list_resources()).resources]
        check(address in listed, f"{address} is not among {listed}")


async def deployment(client, project):
    compiled = await facts(client, "compile_project", project_id=project)
    nodes = await facts(client, "read_project_nodes", project_id=project)
    live = [node for node in find(nodes, "nodes") if node["kind"] == "live" and not node["busy"]]
    return {
        "project_id": project,
        "compile_id": find(compiled, "compile_id"),
        "node_id": live[0]["node_id"],
        "brokerage_config": {"id": "QuantConnectBrokerage"},
    }


async def running(client):
    return [one for one in find(await facts(client, "list_live_algorithms"), "live") if one["status"] == "Running"]


async def a_token_is_redeemed_once_wherever(one, other, front, project):
    """Previewed here, deployed there; the second time is refused by both; of eight at once one succeeds."""
    arguments = await deployment(one, project)
    token = find(await facts(one, "create_live_algorithm", **arguments), "confirm_token")
    deployed = await facts(other, "create_live_algorithm", **arguments, confirm_token=token)
    check(find(deployed, "deploy_id"), deployed)
    for copy in [one, other]:
        says("nothing was sent", await refused(copy, "create_live_algorithm", **arguments, confirm_token=token))
    for _ in range(100):
        found = await running(one)
        if found:
            break
        await asyncio.sleep(0.1)
    check(len(found) == 1, f"running: {found}")
    await facts(one, "stop_live_algorithm", project_id=project)

    for _ in range(100):
        preview = await other.call_tool("create_live_algorithm", arguments)
        if not preview.is_error:
            break
        await asyncio.sleep(0.1)  # the one before has yet to stop
    check(not preview.is_error, text(preview))
    token = find(preview.structured_content, "confirm_token")
    race = [copy.call_tool("create_live_algorithm", {**arguments, "confirm_token": token}) for copy in [one, other, front, front] * 2]
    done = [result for result in await asyncio.gather(*race) if not result.is_error]
    check(len(done) == 1, f"of eight that redeem one token {len(done)} succeed")
    for _ in range(100):
        if not await running(one):
            await asyncio.sleep(0.1)
            continue
        break
    check(len(await running(other)) == 1, "one was deployed")
    await facts(other, "stop_live_algorithm", project_id=project)


async def budgets_are_counted_together(one, other, project):
    """Two backtests a minute are allowed: one here and one there, and then none anywhere."""
    compiled = find(await facts(one, "compile_project", project_id=project), "compile_id")
    for copy, name in [(one, "first"), (other, "second")]:
        await facts(copy, "create_backtest", project_id=project, compile_id=compiled, backtest_name=name)
    for copy in [one, other]:
        said = await refused(copy, "create_backtest", project_id=project, compile_id=compiled, backtest_name="third")
        says("nothing was sent", said)


async def a_question_is_answered_at_the_other_copy(front, reader, project):
    """The question comes from one copy, the answer goes to the next: the state between them is sealed with the shared key."""
    asked = []

    async def agrees(_context, question):
        asked.append(question.message)
        return ElicitResult(action="accept", content={"confirm": True})

    async with connected(front, elicitation_callback=agrees) as client:
        person = {"project_id": project, "collaborator_user_id": "second-user"}
        result = await client.call_tool("create_project_collaborator", person)
        check(not result.is_error, text(result))
    check(len(asked) == 1 and "person" in asked[0], f"asked: {asked}")
    # The question and its answer are two requests, and nginx gives them to the two copies.
    check("second-user" in str(await facts(reader, "read_project_collaborators", project_id=project)), "nobody was let in")


async def a_copy_that_dies_is_not_missed(front, copy):
    async with connected(front) as client:
        await facts(client, "initialize_quantbook", instance_name="survivor")
        copy.process.kill()
        copy.process.wait()
        for _ in range(6):
            says("survivor", str(await facts(client, "list_quantbook_instances")))


def looks_for(planted, home, copies):
    """Secrets stand in no log, state or audit, however loud the log."""
    files = [copy.log for copy in copies] + [path for path in (home / "state").rglob("*") if path.is_file()]
    check(any(path.name == "state.db" for path in files), f"no state among {files}")
    found = [(name, path.name) for path in files for name, secret in planted.items() if secret.encode() in path.read_bytes()]
    check(not found, f"secrets in files: {found}")


async def talks(front, copies, home):
    async with connected(copies[0].address) as one, connected(copies[1].address) as other, connected(front) as middle:
        await one_session_sees_what_it_made(front)
        await results_are_read_at_the_other_copy(one, other, middle)
        project = find(await facts(middle, "create_project", name="Two copies", language="Py"), "project_id")
        await a_token_is_redeemed_once_wherever(one, other, middle, project)
        await budgets_are_counted_together(one, other, project)
        await a_question_is_answered_at_the_other_copy(front, one, project)
    asked = (home / "access.log").read_text()
    shares = [asked.count(copy.place) for copy in copies]
    check(all(10 <= share for share in shares), f"nginx asked {shares}")
    print(f"nginx asked the copies {shares[0]} and {shares[1]} times")
    await a_copy_that_dies_is_not_missed(front, copies[0])


def main():
    home = SCRATCH / "two_copies"
    home.mkdir(mode=0o700)
    with ExitStack() as stack:
        world = stack.enter_context(simulator(BIN, home / "market"))
        key = secrets.token_hex(32)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LOG_LEVEL": "TRACE",
            "QUANTCONNECT_USER_ID": world["user id"],
            "QUANTCONNECT_API_TOKEN": world["api token"],
            "QC_API_URL": world["address"],
            "QC_DATA_FOLDER": str(home / "market"),
            "QC_MCP_STATE_DIR": str(home / "state"),
            "QC_MCP_STATE_KEY": key,
            "QC_MCP_AUTH_TOKEN": TOKEN,
            "QC_MCP_TOOLSETS": "all",
            "QC_MCP_BACKTESTS_PER_MINUTE": "2",
        }
        copies = [stack.enter_context(Copy(environment, home / f"copy{number}.log")) for number in (1, 2)]
        front = stack.enter_context(balanced(home, [copy.place for copy in copies]))
        asyncio.run(talks(front, copies, home))
        looks_for({"token": TOKEN, "key": key, "api token": world["api token"]}, home, copies)
    print(f"{held()} checks hold")


main()
