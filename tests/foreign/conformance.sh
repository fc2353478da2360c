#!/usr/bin/env bash
# The protocol's own conformance suite against the HTTP program. What it cannot ask of a product stands with its reason in
# conformance/*.yml; an entry there that passes after all is an error, so the lists cannot rot.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./node.bash
install "$QC_SCRATCH/conformance" @modelcontextprotocol/conformance@0.2.0-alpha.12
suite="$QC_SCRATCH/conformance/node_modules/@modelcontextprotocol/conformance/dist/index.js"
lists=$PWD/conformance
# The suite plays a browser on this computer too; sessions are for its clients of the older revision.
serve --http-sessions --allowed-origins "http://localhost:*,http://127.0.0.1:*"
cd "$QC_SCRATCH" # the suite writes what it saw into the working folder
for revision in 2025-11-25 2026-07-28; do
  echo "-- revision $revision"
  if ! timeout 240 "$node" "$suite" server --url "$url" --requirements "$revision" \
    --expected-failures "$lists/$revision.yml" -o "out-$revision" >"conformance-$revision.log" 2>&1; then
    tail -n 120 "conformance-$revision.log"
    exit 1
  fi
  sed -n 's/^\(Total:.*\)/\1/p' "conformance-$revision.log"
done
