#!/usr/bin/env bash
# Two people at one HTTP server at the same time, each with credentials of their own: neither sees anything of the other.
# Five seconds here; QC_RACE_SECONDS=60 for the long run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec "${QC_PYTHON:?run it through: bash .ci/run foreign}" two_tenants.py "${QC_BIN_DIR:?}" "${QC_SCRATCH:?}" "${QC_RACE_SECONDS:-5}"
