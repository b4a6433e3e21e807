#!/usr/bin/env bash
# The tests on a cluster of its own. Without root there is none: then this says so and tests nothing of it.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

if [ "$(id -u)" != 0 ]; then
  say "no root: a cluster needs network namespaces and containers, so its tests are left out"
  exit 0
fi
scripts/cluster.sh openssh-server haproxy openssh-client
[ $# -gt 0 ] || set -- -m "not long" # what the integration server has time for
exec .venv/bin/python -m pytest tests/e2e "$@"
