#!/usr/bin/env python3
"""Many clients at one qc-mcp-http with mixed calls: errors, times and memory. Standard library only.

    python3 tests/load/sessions.py PROGRAM [--clients 200] [--seconds 600] [--pause 0.5]

Every client keeps one connection, opens with `initialize` and then, with random pauses, lists the tools, asks for the
status, reads a resource, completes an argument and computes something small. Fails on any error, and when the memory of
the last third is more than a tenth above that of the middle third.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import subprocess
import sys
import time

PAIR = {"symbol1": "KO", "symbol2": "PEP", "start_date": "2022-01-03", "end_date": "2023-12-29"}


def call(name, **arguments):
    return "tools/call", {"name": name, "arguments": arguments}


MIX = [
    (30, "list", lambda: ("tools/list", {})),
    (30, "status", lambda: call("get_server_status")),
    (15, "resource", lambda: ("resources/read", {"uri": "resource://system/info"})),
    (10, "completion", lambda: ("completion/complete", {
        "ref": {"type": "ref/prompt", "name": "pair_analysis"}, "argument": {"name": "symbol1", "value": "k"}})),
    (10, "workbooks", lambda: call("list_quantbook_instances")),
    (5, "cointegration", lambda: call("test_cointegration", **PAIR)),
]
WEIGHTS = [weight for weight, _, _ in MIX]


class Client:
    def __init__(self, host, port, path):
        self.host, self.port, self.path, self.id = host, port, path, 0

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        await self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                      "clientInfo": {"name": "load", "version": "0"}})

    async def ask(self, method, params):
        self.id += 1
        body = json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}).encode()
        head = (f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Type: application/json\r\n"
                f"Accept: application/json, text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n")
        self.writer.write(head.encode() + body)
        await self.writer.drain()
        status = int((await self.reader.readline()).split()[1])
        length = 0
        while (line := await self.reader.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        answer = json.loads(await self.reader.readexactly(length))
        if status != 200 or "error" in answer or answer["result"].get("isError"):
            raise RuntimeError(f"{method}: {status} {json.dumps(answer)[:300]}")


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


async def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("program")
    options.add_argument("--clients", type=int, default=200)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--pause", type=float, default=0.5, help="mean seconds between two calls of a client")
    options = options.parse_args()
    server = subprocess.Popen([options.program, "--demo", "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            found = re.search(r"listening on http://([^:]+):(\d+)(\S+)", line)
            if found:
                break
        drain = asyncio.get_running_loop().run_in_executor(None, lambda: [None for _ in server.stderr])
        host, port, path = found[1], int(found[2]), found[3]
        until, took, errors, memory = time.monotonic() + options.seconds, {}, [], []

        async def client():
            try:
                one = Client(host, port, path)
                await one.open()
                while time.monotonic() < until:
                    _, name, make = random.choices(MIX, WEIGHTS)[0]
                    begun = time.perf_counter()
                    await one.ask(*make())
                    took.setdefault(name, []).append(1000 * (time.perf_counter() - begun))
                    await asyncio.sleep(random.expovariate(1 / options.pause))
            except Exception as error:  # whatever it is, it is what this looks for
                errors.append(repr(error))

        async def watch():
            while time.monotonic() < until:
                memory.append(resident_mb(server.pid))
                await asyncio.sleep(options.seconds / 60)

        await asyncio.gather(watch(), *(client() for _ in range(options.clients)))
    finally:
        server.terminate()
        server.wait(10)
    await drain
    for name, times in sorted(took.items()):
        quantiles = statistics.quantiles(times, n=100)
        print(f"{name:14} {len(times):7} calls  p50 {quantiles[49]:8.2f} ms  p99 {quantiles[98]:8.2f} ms")
    third = len(memory) // 3
    middle, last = statistics.mean(memory[third : 2 * third]), statistics.mean(memory[2 * third :])
    print(f"memory {middle:.1f} MB, then {last:.1f} MB, most {max(memory):.1f} MB; {len(errors)} errors")
    for error in errors[:5]:
        print(error)
    sys.exit(bool(errors) or last > 1.1 * middle)


asyncio.run(main())
