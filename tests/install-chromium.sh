#!/usr/bin/env bash
# Installs Chromium from the distribution's own archive, so that the tests can open every figure in a browser.
set -euo pipefail

say() { printf 'install-chromium: %s\n' "$*"; }

if command -v chromium >/dev/null; then
  say "$(dpkg-query --show --showformat='Chromium ${Version}' chromium 2>/dev/null || command -v chromium) is already installed."
  exit 0
fi

if [ "$(id -u)" != 0 ]; then
  say "must run as root: sudo $0" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends chromium
say "Chromium is installed."
