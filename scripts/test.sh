#!/usr/bin/env bash
# All tests: first those without servers, on every core; then those with real servers, which need the machine for
# themselves. With arguments: pytest with these.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

if [ $# -gt 0 ]; then
  exec .venv/bin/python -m pytest "$@"
fi
failed=0
.venv/bin/python -m pytest --numprocesses auto --dist worksteal tests/golden tests/theory tests/unit || failed=1
.venv/bin/python -m pytest tests/integration || failed=1
exit "$failed"
