#!/usr/bin/env bash
# Every check that needs no server; runs them all and names those that failed.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

failed=()
check() {
  printf '== %s\n' "$*"
  ".venv/bin/$1" "${@:2}" || failed+=("$*")
}

check ruff format --check .
check ruff check .
check mypy
check lint-imports
check workbench validate
for experiment in experiments/*.yaml; do
  check chaos --no-version-check --no-log-file validate "$experiment"
done

if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "all checks passed"
