#!/usr/bin/env bash
# The official TypeScript SDKs against both programs: version 1, which most hosts embed, and version 2 in both eras.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./node.bash
install "$QC_SCRATCH/typescript" @modelcontextprotocol/sdk@1.32.2 @modelcontextprotocol/client@2.4.0
cp typescript_sdk.mjs "$QC_SCRATCH/typescript/" # so that the packages are found beside it
serve
"$node" "$QC_SCRATCH/typescript/typescript_sdk.mjs" "$QC_BIN_DIR/qc-mcp-stdio" "$url"
