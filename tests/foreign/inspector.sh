#!/usr/bin/env bash
# The MCP Inspector's command line against both programs: are the schemas portable (--strict), and do lists and calls work
# in both eras of the protocol? Needs npm, QC_BIN_DIR and QC_SCRATCH; `bash .ci/run foreign` sets the latter two.
set -euo pipefail
: "${QC_BIN_DIR:?run it through: bash .ci/run foreign}" "${QC_SCRATCH:?}"

export HOME="$QC_SCRATCH" # the inspector keeps a catalogue in the home folder; the developer's stays untouched
npm install --silent --no-audit --no-fund --prefix "$QC_SCRATCH/inspector" @modelcontextprotocol/inspector@2.12.0
inspector=("node" "$QC_SCRATCH/inspector/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js" --cli)

server=
cleanup() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
}
trap cleanup EXIT

"$QC_BIN_DIR/qc-mcp-http" --demo --port 0 2>"$QC_SCRATCH/http.log" &
server=$!
for _ in $(seq 200); do
  url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$QC_SCRATCH/http.log" | head -n 1)
  [ -n "$url" ] && break
  sleep 0.05
done
[ -n "$url" ] || { cat "$QC_SCRATCH/http.log"; exit 1; }

# Arguments: the server, then the era, then what to ask for.
ask() {
  local where=$1 era=$2
  shift 2
  if [ "$where" = stdio ]; then
    "${inspector[@]}" "$QC_BIN_DIR/qc-mcp-stdio" --demo --protocol-era "$era" "$@" --format json -q
  else
    "${inspector[@]}" "$url" --protocol-era "$era" "$@" --format json -q
  fi
}

expect() {
  local text=$1
  shift
  if ! grep -q -- "$text" <<<"$*"; then
    echo "expected $text in: ${*:0:600}"
    exit 1
  fi
}

for where in stdio http; do
  for era in legacy modern; do
    expect '"test_cointegration"' "$(ask "$where" "$era" --method tools/list --strict)"
    answer=$(ask "$where" "$era" --method tools/call --tool-name test_cointegration \
      --tool-arg symbol1=KO symbol2=PEP start_date=2016-01-04 end_date=2023-12-29)
    expect '"is_cointegrated": *true' "$answer"
    echo "$where, $era: strict schemas, a list and a call"
  done
done
