# Sourced by the other scripts: the project's folder becomes the working folder, caches go into one folder.
# Everything below uses relative paths, so that a space in the project's path does no harm.

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CDPATH

home=${HOME:-$(unset HOME; echo ~)}
case "${XDG_CACHE_HOME:-}" in
  /*) ;;
  *) export XDG_CACHE_HOME="$home/.cache" ;;
esac
cache="$XDG_CACHE_HOME/hub-workbench"
export UV_CACHE_DIR="$cache/uv" PIP_CACHE_DIR="$cache/pip" UV_PYTHON_INSTALL_DIR="$cache/python"
export PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  printf 'setup: error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 3
}

# Every Python on this machine, best first: 3.12 is what requirements.txt was resolved for. pyenv's shims
# stand on PATH but fail for a version that is not switched on, so its versions' own paths are tried too.
pythons() {
  local name root
  for name in python3.12 python3.13 python3.14 python3; do
    type -aP "$name" || true
    for root in "${PYENV_ROOT:-}" "$home/.pyenv" "$(pyenv root 2>/dev/null || true)"; do
      [ -z "$root" ] || compgen -G "$root/versions/${name#python}*/bin/$name" || true
    done
  done
}

# Prints the first Python between 3.12 and 3.14 that really runs; fails if there is none.
find_python() {
  local path
  while IFS= read -r path; do
    if "$path" -I -c 'import sys, zlib, ssl; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
      printf '%s\n' "$path"
      return 0
    fi
  done < <(pythons)
  return 1
}

# Prints a Python whose pip runs, of any version: it only has to fetch uv.
find_pip() {
  local path
  while IFS= read -r path; do
    if "$path" -I -m pip --version >/dev/null 2>&1; then
      printf '%s\n' "$path"
      return 0
    fi
  done < <(pythons)
  return 1
}

# Sets `uv`: the one in the cache, the one on PATH, or a pinned one fetched by any pip.
find_uv() {
  local pinned version python part
  version=$(sed -n 's/^uv==\([0-9.]*\).*/\1/p' scripts/uv-requirements.txt)
  pinned="$cache/uv-$version"
  for uv in "$pinned/bin/uv" "$(type -P uv || true)"; do
    if [ -n "$uv" ] && "$uv" --version >/dev/null 2>&1; then return 0; fi
  done
  part="$pinned.part"
  rm -rf -- "$part" "$part.venv"
  if python=$(find_pip); then
    true
  elif python=$(find_python) && "$python" -I -m venv "$part.venv" >/dev/null 2>&1; then
    python="$part.venv/bin/python"
  else
    fail "neither uv nor a Python with pip was found" "Install one of them: apt-get install python3-pip, or uv from its project's page."
  fi
  say "fetching uv $version with $python"
  "$python" -I -m pip install --quiet --require-hashes --no-deps --only-binary :all: --no-warn-script-location \
    --target "$part" --requirement scripts/uv-requirements.txt \
    || fail "uv could not be fetched with $python -m pip" "pip's message is above. The first set-up needs the network; make setup starts again where it stopped."
  rm -rf -- "$pinned" "$part.venv"
  mv -- "$part" "$pinned"
  uv="$pinned/bin/uv"
}

# uv reads neither pip's settings nor, by itself, the machine's certificates, and Python's requests brings its own;
# where the machine reaches its packages through them, pass them on.
follow_pip_settings() {
  local python index certificates=/etc/ssl/certs/ca-certificates.crt
  if [ -s "$certificates" ]; then
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}" REQUESTS_CA_BUNDLE="${REQUESTS_CA_BUNDLE:-$certificates}"
  fi
  if [ -z "${SSL_CERT_FILE:-}" ] && [ -f "${PIP_CERT:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi
  if [ -n "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then return 0; fi
  index=${PIP_INDEX_URL:-}
  if [ -z "$index" ] && python=$(find_pip); then
    index=$("$python" -I -m pip config get global.index-url 2>/dev/null || true)
  fi
  if [ -n "$index" ]; then export UV_DEFAULT_INDEX="$index"; fi
}
