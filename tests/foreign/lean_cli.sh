#!/usr/bin/env bash
# The official command line (PyPI `lean`) against the simulator: signs in, pulls, pushes, runs a backtest to its table of
# statistics, optimizes, uses the object store, and decodes with its own models what it has no command for. What it cannot
# do is printed with the reason. Needs python3 and QC_BIN_DIR; `bash .ci/run foreign` sets QC_BIN_DIR and QC_SCRATCH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${QC_BIN_DIR:?run it through: bash .ci/run foreign}" "${QC_SCRATCH:?}"

# The address is fixed: QC_API=local means http://localhost:5612/api/v2/.
port=5612
scratch="$QC_SCRATCH/lean"
mkdir -p "$scratch/home"

python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --requirement tests/foreign/lean_cli.txt
# Offline it starts only with this list, which it would fetch from a host of QuantConnect's: brokerages and data providers.
package=$("$scratch/venv/bin/python" -c 'from importlib.util import find_spec; print(find_spec("lean").submodule_search_locations[0])')
echo '{"modules": []}' >"$package/modules-1.14.json"

export HOME="$scratch/home" # credentials and settings of the developer stay untouched
export QC_API=local COLUMNS=200 NO_COLOR=1

server=
cleanup() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
}
trap cleanup EXIT

"$QC_BIN_DIR/examples/offline_server" --port "$port" --plan institution >"$scratch/server.log" 2>&1 &
server=$!
for _ in $(seq 200); do
  grep -q 'QuantConnect, simulated' "$scratch/server.log" && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.05
done
grep -q 'QuantConnect, simulated' "$scratch/server.log" || {
  echo "the simulator does not start; does something else use port $port?"
  cat "$scratch/server.log"
  exit 1
}

"$scratch/venv/bin/python" tests/foreign/lean_cli.py "$scratch/venv/bin/lean" "$scratch/work"
