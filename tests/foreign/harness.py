"""What the scripts share: checks that are counted, values that are found, a program that is started and surely stopped."""

import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

_checks = 0


def check(holds, what):
    """Counts a check, or fails with what was seen."""
    global _checks
    if not holds:
        raise AssertionError(what)
    _checks += 1


def says(text, said):
    check(text in said, f"expected {text!r} in:\n{said}")


def held():
    """How many checks held so far."""
    return _checks


def find(facts, key):
    """The first value under a key, however deep it lies."""
    if isinstance(facts, dict):
        if key in facts:
            return facts[key]
        facts = list(facts.values())
    if isinstance(facts, list):
        for value in facts:
            found = find(value, key)
            if found is not None:
                return found
    return None


def ends_like_an_error(*_):
    """For SIGTERM: what was started is stopped on the way out, as after a failed check."""
    sys.exit("told to stop")


signal.signal(signal.SIGTERM, ends_like_an_error)


@contextmanager
def started(command, ready, environment, patience=120, farewell=10):
    """Starts a server, waits until its error output shows `ready` (a pattern) and gives the match.

    It has `patience` seconds to be ready and `farewell` seconds to end. However the block is left, nothing is left
    running. A server that does not end by itself, or not well, is a failed check unless the block has failed before.
    """
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    # A killed server closes its error output, which ends the waiting.
    limit = threading.Timer(patience, server.kill)
    limit.start()
    try:
        for line in server.stderr:
            if found := re.search(ready, line):
                break
        else:
            raise AssertionError(f"{command[0]} ended, or was stopped after {patience} s, before it listened")
        limit.cancel()
        # Read on, or the server stops at a full pipe.
        threading.Thread(target=lambda: [None for _ in server.stderr], daemon=True).start()
        yield found
        server.terminate()
        try:
            code = server.wait(timeout=farewell)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{command[0]} did not end within {farewell} s") from None
        check(code == 0, f"{command[0]} did not end cleanly: {code}")
    finally:
        limit.cancel()
        if server.poll() is None:
            server.kill()
            server.wait()


@contextmanager
def simulator(programs, market):
    """QuantConnect, simulated, with its market as a folder; gives its address and account."""
    command = [programs / "examples" / "offline_server", "--port", "0", "--data", market]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        facts = {}
        for line in process.stdout:
            name, _, value = line.strip().partition("  ")
            facts[name] = value.strip()
            if found := re.search(r"simulated: (\S+)", line):
                facts["address"] = found[1]
            if "ctrl-c" in line:
                break
        check("address" in facts and "api token" in facts, f"the simulator does not start: {facts}")
        yield facts
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
