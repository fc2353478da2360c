#!/usr/bin/env bash
# Two copies of the HTTP program behind nginx, with one state folder and one key, and the official Python SDK as their
# client. nginx comes from the PATH, else out of Debian's package, unpacked into the scratch folder; where neither is to be
# had this says so and fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
nginx=$(command -v nginx || true)
if [ -z "$nginx" ]; then
  packed="${QC_SCRATCH:?run it through: bash .ci/run foreign}/nginx"
  mkdir -p "$packed"
  chmod 755 "$packed" # apt fetches as a user of its own where it can
  # The lists may be missing on a fresh machine; updating them needs root.
  if ! (cd "$packed" && { apt-get download nginx || { apt-get update -qq && apt-get download nginx; }; }) >"$packed/log" 2>&1; then
    tail -n 5 "$packed/log" >&2
    echo "nginx is not installed and cannot be had from Debian's packages here: nothing was tested" >&2
    exit 1
  fi
  dpkg -x "$packed"/nginx_*.deb "$packed/root"
  nginx="$packed/root/usr/sbin/nginx"
fi
"$nginx" -v
exec "${QC_PYTHON:?run it through: bash .ci/run foreign}" two_copies.py "${QC_BIN_DIR:?}" "$nginx" "$QC_SCRATCH"
