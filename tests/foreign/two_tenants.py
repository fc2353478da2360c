"""Two people at one server, at the same time: whatever one makes, the other one must never see.

Each brings their own QuantConnect credentials with every request and works from several connections: workbooks, lists of
symbols, analyses, projects, files, backtests, jobs. All names and contents of a person hold their mark. Every answer is
searched for the other's mark, and every id that one was given is tried by the other.
"""

import asyncio
import json
import os
import random
import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from harness import check, find, held, simulator
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

BIN, SCRATCH, SECONDS = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
CONNECTIONS = 3
WINDOW = {"start_date": "2023-01-03", "end_date": "2023-12-29"}
CODE = "# {mark}\nfrom AlgorithmImports import *\nclass One(QCAlgorithm):\n    def initialize(self):\n        self.add_equity('SPY')\n"


class Person:
    """One of the two: credentials, a mark, and the ids that were given to them."""

    def __init__(self, user, token):
        self.user, self.token, self.mark = user, token, f"mark{secrets.token_hex(8)}"
        self.research, self.jobs, self.projects, self.backtests, self.tokens = [], [], [], [], []
        self.calls = 0

    def carrier(self):
        headers = {"X-QuantConnect-User-Id": self.user, "X-QuantConnect-Api-Token": self.token}
        return httpx2.AsyncClient(headers=headers, timeout=120)


async def ask(person, other, client, tool, **arguments):
    """One call; its whole answer holds nothing of the other person."""
    answer = await client.call_tool(tool, arguments)
    text = answer.model_dump_json()
    person.calls += 1
    for trace in [other.mark, other.token, *(id for id, _ in other.projects), *other.research, *other.jobs]:
        check(str(trace) not in text or str(trace) in json.dumps(arguments), f"{tool} {arguments} shows {trace} of the other: {text[:500]}")
    return answer


async def works(person, other, client, number, until):
    """What people do, in any order."""
    name = f"{person.mark}-{number}"
    turn = 0
    while time.monotonic() < until:
        turn += 1
        await ask(person, other, client, "initialize_quantbook", instance_name=f"{name}-{turn % 4}")
        found = await ask(person, other, client, "list_quantbook_instances")
        check(person.mark in found.model_dump_json(), "my workbook is gone")
        await ask(person, other, client, "save_symbol_list", name=f"{name}-list", symbols=["KO", "PEP"])
        found = await ask(person, other, client, "list_symbol_lists")
        check(person.mark in found.model_dump_json(), "my list is gone")
        found = await ask(person, other, client, "perform_pca_analysis", symbols=["KO", "PEP", "SPY"], **WINDOW)
        if (research := find(found.structured_content, "research_id")) is not None:
            person.research.append(research)
        if turn % 4 == 1:
            made = await ask(person, other, client, "create_project", name=f"{name}-{turn}", language="Py")
            project = find(made.structured_content, "project_id")
            if project is not None:
                person.projects.append((project, turn))
                await ask(person, other, client, "update_file_content", project_id=project, name="main.py", content=CODE.format(mark=person.mark))
                compiled = await ask(person, other, client, "compile_project", project_id=project)
                found = await ask(person, other, client, "create_backtest", project_id=project, compile_id=find(compiled.structured_content, "compile_id") or "none", backtest_name=name)
                if (job := find(found.structured_content, "job")) is not None:
                    person.jobs.append(job)
        listed = await ask(person, other, client, "read_project")
        check("projects" in listed.model_dump_json(), "no projects")
        await ask(person, other, client, "account_overview")
        await ask(person, other, client, "get_auth_status")
        for address in [f"qc://research/{random.choice(person.research)}"] if person.research else []:
            check((await client.read_resource(address)).contents, "my result is gone")
        # What is the other's is unknown to me.
        if other.research:
            theirs = random.choice(other.research)
            refused = False
            try:
                await client.read_resource(f"qc://research/{theirs}")
            except Exception:
                refused = True
            check(refused, f"the other's result {theirs} can be read")
            again = await client.call_tool("rerun_research", {"id": theirs})
            check(again.is_error, "the other's result can be computed again")
        if other.projects:
            theirs = random.choice(other.projects)[0]
            for tool, arguments in [("read_file", {"project_id": theirs, "name": "main.py"}), ("read_backtest", {"project_id": theirs, "backtest_id": "latest"})]:
                answer = await client.call_tool(tool, arguments)
                check(answer.is_error and other.mark not in answer.model_dump_json(), f"{tool} reads the other's project")
        if other.jobs:
            answer = await client.call_tool("wait_for_job", {"job": random.choice(other.jobs), "wait_seconds": 0})
            check(answer.is_error, f"the other's job can be waited for: {answer.model_dump_json()[:300]}")


async def serves(address, people):
    until = time.monotonic() + SECONDS

    async def one(person, other, number):
        async with person.carrier() as carrier, Client(streamable_http_client(address, http_client=carrier)) as client:
            await works(person, other, client, number, until)

    pairs = [(people[0], people[1]), (people[1], people[0])]
    await asyncio.gather(*(one(me, other, number) for me, other in pairs for number in range(CONNECTIONS)))


def main():
    home = SCRATCH / "two_tenants"
    home.mkdir(mode=0o700)
    with simulator(BIN, home / "market") as world:
        people = [Person(world["user id"], world["api token"]), Person(*world["second user"].split())]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "QC_API_URL": world["address"],
            "QC_DATA_FOLDER": str(home / "market"),
            "QC_MCP_STATE_DIR": str(home / "state"),
            "QC_MCP_CREDENTIALS": "headers",
            "QC_MCP_TOOLSETS": "all",
            "QC_MCP_BACKTESTS_PER_MINUTE": "100000",
            "QC_MCP_BACKTESTS_PER_DAY": "100000",
            "QC_MCP_RATE_PER_CALLER": "1000000",
            "QC_MCP_RATE_TOTAL": "1000000",
        }
        log = home / "server.log"
        with log.open("w") as into:
            process = subprocess.Popen([BIN / "qc-mcp-http", "--port", "0"], env=environment, stderr=into)
        try:
            for _ in range(400):
                if found := re.search(r"listening on (http://\S+)", log.read_text()):
                    break
                check(process.poll() is None, f"it ended: {log.read_text()}")
                time.sleep(0.05)
            asyncio.run(serves(found[1], people))
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log = log.read_text()
        for person in people:
            check(person.token not in log, "a token stands in the log")
            check(person.research and person.projects, "one of them did nothing")
            print(f"user {person.user}: {person.calls} calls, {len(person.research)} results, {len(person.projects)} projects, {len(person.jobs)} jobs")


main()
print(f"{held()} checks hold")
