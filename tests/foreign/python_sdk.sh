#!/usr/bin/env bash
# The official Python SDK against both programs. Needs QC_PYTHON (a Python with requirements.txt installed) and
# QC_BIN_DIR (where the programs are); `bash .ci/run foreign` sets both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec "${QC_PYTHON:?run it through: bash .ci/run foreign}" python_sdk.py "${QC_BIN_DIR:?}"
