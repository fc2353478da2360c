#!/usr/bin/env bash
# Code that goes into algorithms, of guard_live_algorithm and export_strategy: its types against LEAN's stubs (PyPI
# `quantconnect-stubs`), and what it does on a stand-in of QCAlgorithm. Needs python3; `bash .ci/run foreign` sets QC_SCRATCH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${QC_SCRATCH:?run it through: bash .ci/run foreign}"
guard="$PWD/crates/qc-mcp-tools/src/flows/guard"
export="$PWD/crates/qc-mcp-tools/src/flows/export"
export PYTHONDONTWRITEBYTECODE=1

python3 tests/foreign/guard.py "$guard"
python3 tests/foreign/export.py "$export"

scratch="$QC_SCRATCH/guard"
mkdir -p "$scratch"
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --requirement tests/foreign/guard.txt
cd "$guard"
"$scratch/venv/bin/mypy" --cache-dir "$scratch/cache" --check-untyped-defs qc_guard.py
cd "$export"
"$scratch/venv/bin/mypy" --cache-dir "$scratch/cache" --check-untyped-defs target_weights.py pairs.py
