#!/usr/bin/env python3
"""How long `tools/list` takes while every thread of the computing pool is busy. Standard library only.

    python3 tests/load/busy.py PROGRAM [--seconds 20]

Starts the stdio program with every tool, keeps searches for cointegrated pairs going, and asks for the list meanwhile.
Fails on any error, or when no search was going on.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time

SYMBOLS = ["KO", "PEP", "CVX", "XOM", "SPY", "QQQ", "EEM", "MSFT", "AMZN", "GOOGL", "WMT"]


class Server:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "--demo", "--toolsets", "all"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.answers, self.come, self.id = {}, threading.Condition(), 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            come = time.perf_counter()  # what parsing it costs here is not the server's
            message = json.loads(line)
            if "id" in message:
                with self.come:
                    self.answers[message["id"]] = (come, message)
                    self.come.notify_all()

    def send(self, method, params, is_call=True):
        self.id += is_call
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({"id": self.id} if is_call else {})
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()
        return self.id

    def ask(self, method, params):
        asked = self.send(method, params)
        with self.come:
            self.come.wait_for(lambda: asked in self.answers, 60)
            self.came, answer = self.answers.pop(asked)
        if "error" in answer or answer["result"].get("isError"):
            raise RuntimeError(f"{method}: {json.dumps(answer)[:300]}")
        return answer["result"]


def search(server, at):
    """One more search, which goes on as a job; equal calls would be one."""
    return server.ask("tools/call", {"name": "find_cointegrated_pairs", "arguments": {
        "symbols": SYMBOLS, "start_date": "2010-01-04", "end_date": "2025-12-31", "lags": "aic",
        "alpha": 0.01 + at / 100_000, "min_distance_correlation": 0.01, "window": "250d", "wait_seconds": 0}})["structuredContent"].get("job")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("program")
    options.add_argument("--seconds", type=float, default=20)
    options = options.parse_args()
    server = Server(options.program)
    server.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                              "clientInfo": {"name": "busy", "version": "0"}})
    server.send("notifications/initialized", {}, is_call=False)

    def lists(seconds):
        took, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.perf_counter()
            server.ask("tools/list", {})
            took.append(1000 * (server.came - begun))
            time.sleep(0.002)
        return took

    def told(took):
        quantiles = statistics.quantiles(took, n=100)
        return f"{len(took):6} lists  p50 {quantiles[49]:.2f} ms  p99 {quantiles[98]:.2f} ms  most {max(took):.2f} ms"

    print("idle", told(lists(3)))
    until, begun, looks, busy, took = time.monotonic() + options.seconds, 0, 0, 0, []
    jobs = []
    while time.monotonic() < until:
        while len(jobs) < 4:
            begun += 1
            if job := search(server, begun):
                jobs.append(job)
        took += lists(0.1)
        looked = [(job, server.ask("tools/call", {"name": "wait_for_job", "arguments": {"job": job, "wait_seconds": 0}}))
                  for job in jobs]
        jobs = [job for job, answer in looked if answer["structuredContent"].get("status") == "running"]
        looks, busy = looks + 1, busy + bool(jobs)
    print("busy", told(took))
    print(f"{begun} searches begun; some were still computing after {busy} of {looks} stretches of 0.1 s")
    server.process.stdin.close()
    server.process.wait(10)
    sys.exit(busy < 0.9 * looks)


main()
