#!/usr/bin/env bash
# The harness of the other scripts: whatever happens to a script, no server is left running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec python3 harness_test.py
