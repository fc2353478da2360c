#!/usr/bin/env bash
# Planted secrets through every tool of both programs: none of them may stand in an answer, a log, a file or a metric.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec "${QC_PYTHON:?run it through: bash .ci/run foreign}" planted_secrets.py "${QC_BIN_DIR:?}" "${QC_SCRATCH:?}"
