"""Does the harness stop what it started, however the block is left? Needs nothing but Python."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness import check, started

# A server that says it is ready and its process id. Told to be stubborn, it does not listen when told to stop; told to
# be untidy, it ends with an error.
SERVER = """
import signal, sys, time
how = sys.argv[1] if len(sys.argv) > 1 else ""
signal.signal(signal.SIGTERM, signal.SIG_IGN if how == "stubborn" else lambda *_: sys.exit(how == "untidy"))
print("noise", file=sys.stderr)
import os
print("ready", os.getpid(), file=sys.stderr, flush=True)
time.sleep(60)
"""
# The same block in a process of its own, which is told to stop in the middle of it.
OUTER = f"""
import sys, time
from harness import started
with started([sys.executable, "-c", {SERVER!r}], r"ready ([0-9]+)", None) as found:
    print(found[1], flush=True)
    time.sleep(60)
"""


def is_running(process):
    try:
        os.kill(process, 0)
        return True
    except ProcessLookupError:
        return False


def left_by(block, *arguments):
    """Leaves a block in its own way and gives the server's process id and what came out of it."""
    process, error = None, None
    try:
        with started([sys.executable, "-c", SERVER, *arguments], r"ready (\d+)", None, farewell=2) as found:
            process = int(found[1])
            check(is_running(process), "it does not run")
            block()
    except BaseException as raised:  # noqa: BLE001: also what ends a program
        error = raised
    return process, error


def fails():
    raise AssertionError("a check that failed")


process, error = left_by(lambda: None)
check(error is None and not is_running(process), f"left in peace: {error!r}")
process, error = left_by(fails)
check(str(error) == "a check that failed" and not is_running(process), f"left by a failure: {error!r}")
process, error = left_by(fails, "stubborn")
check(str(error) == "a check that failed" and not is_running(process), f"stubborn: {error!r}")
process, error = left_by(lambda: None, "stubborn")
check(isinstance(error, AssertionError) and "did not end within" in str(error), f"stubborn in peace: {error!r}")
check(not is_running(process), "a stubborn server is left running")
process, error = left_by(lambda: None, "untidy")
check(isinstance(error, AssertionError) and "cleanly: 1" in str(error), f"untidy: {error!r}")

begun = time.monotonic()
try:
    with started([sys.executable, "-c", SERVER], "never said", None, patience=1):
        error = None
except AssertionError as raised:
    error = raised
check("before it listened" in str(error), f"a server that is never ready: {error!r}")
check(time.monotonic() - begun < 30, "a server that is never ready is waited for")

outer = subprocess.Popen(
    [sys.executable, "-c", OUTER], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
)
process = int(outer.stdout.readline())
outer.send_signal(signal.SIGTERM)
outer.wait(timeout=20)
for _ in range(100):
    if not is_running(process):
        break
    time.sleep(0.05)
check(not is_running(process), "a script that is told to stop leaves its server running")
print("whatever happens, nothing is left running")
