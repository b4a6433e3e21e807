#!/usr/bin/env bash
# Resolves pyproject.toml into requirements.txt: the whole closure, pinned, with hashes, naming no index.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

mkdir -p -- "$cache"
find_uv
follow_pip_settings
"$uv" pip compile pyproject.toml --extra dev --python .venv/bin/python --python-version 3.12 --generate-hashes \
  --only-binary :all: --no-emit-index-url --no-header --no-annotate --quiet --output-file requirements.txt
say "requirements.txt names $(grep -c '^[a-z].*==' requirements.txt) packages; make setup installs them"
