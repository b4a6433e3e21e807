#!/usr/bin/env bash
# A night of drills; the reference records are the beginning of its history. Arguments: those of `workbench nightly`.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

[ $# -gt 0 ] || set -- nightly
history=()
previous=""
for argument in "$@"; do
  case "$previous $argument" in
    "--history "*) history=(--history "$argument") ;;
    *" --history="*) history=("$argument") ;;
  esac
  previous=$argument
done
.venv/bin/workbench nightly import "${history[@]}" >&2
exec .venv/bin/workbench nightly "$@"
