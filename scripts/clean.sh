#!/usr/bin/env bash
# Removes what can be made again from the project's folder. Runs are records and stay.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

rm -rf -- .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis ./*.egg-info
find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf -- {} +
printf 'kept: the runs in reports/out, and downloads and hubs in %s\n' "$cache"
