#!/usr/bin/env bash
# Installs an OpenCL device that runs on the CPU, so that the ILGPU kernels can be tested without a GPU.
# ILGPU needs libOpenCL.so (ocl-icd-opencl-dev) and a device with a generic address space: PoCL 5 or later.
# Debian 12 has PoCL 3.1, so there PoCL comes from trixie, through the machine's own package source
# with the suite's name changed. Its low priority keeps what PoCL does not need where it is; libc comes along.
set -euo pipefail

old=bookworm
suite=trixie
sources=/etc/apt/sources.list.d/collapse-$suite.sources
preferences=/etc/apt/preferences.d/collapse-$suite

say() { printf 'install-opencl: %s\n' "$*"; }
refuse() {
  say "$*" >&2
  exit 1
}

# The version of an installed package, nothing otherwise; a removed one keeps a version in dpkg's list.
installed() {
  dpkg-query --show --showformat='${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p' || true
}
usable() {
  [ -n "$(installed ocl-icd-opencl-dev)" ] && dpkg --compare-versions "$(installed pocl-opencl-icd)" ge 5
}

[ -r /etc/os-release ] && . /etc/os-release
[ "${ID:-}" = debian ] || refuse "only Debian is supported; on ${PRETTY_NAME:-this system} install PoCL 5 or later and the OpenCL loader by hand."

if usable; then
  say "PoCL $(installed pocl-opencl-icd) is already installed."
  exit 0
fi

[ "$(id -u)" = 0 ] || refuse "must run as root: sudo $0"

# Prints the machine's source of this release's main archive, for the newer suite.
source_of_newer_suite() {
  local list
  for list in /etc/apt/sources.list.d/*.sources; do
    [ -e "$list" ] || continue
    awk -v RS= -v old="$old" -v new="$suite" '
      match($0, /(^|\n)Suites:[^\n]*/) {
        split(substr($0, RSTART, RLENGTH), words, /[ \t]+/)
        for (i in words)
          if (words[i] == old) {
            sub(/(^|\n)Suites:[^\n]*/, "\nSuites: " new)
            print
            exit
          }
      }' "$list" | sed '/^#/d; /^$/d; s/^Types:/\n&/'
  done
  # The older one-line style, rewritten into the same form.
  for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$list" ] || continue
    sed -nE "s/^deb +(\[([^]]*)\] +)?([^ ]+) +$old +main.*/\2|\3/p" "$list" |
      while IFS='|' read -r options uri; do
        printf '\nTypes: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$suite"
        signed=$(printf '%s' "$options" | sed -nE 's/.*signed-by=([^ ]+).*/\1/p')
        [ -z "$signed" ] || printf 'Signed-By: %s\n' "$signed"
      done
  done
}

export DEBIAN_FRONTEND=noninteractive

apt-get update --quiet
candidate=$(LC_ALL=C apt-cache policy pocl-opencl-icd | sed -n 's/^ *Candidate: //p')
release=()

if ! dpkg --compare-versions "${candidate/(none)/0}" ge 5; then
  newer=$(source_of_newer_suite)
  [ -n "$newer" ] || refuse "found no apt source of $old main to take $suite from."
  printf '%s\n' "$newer" >"$sources"
  printf 'Package: *\nPin: release n=%s\nPin-Priority: 100\n' "$suite" >"$preferences"
  apt-get update --quiet
  release=(--target-release "$suite")
fi

apt-get install --quiet --yes --no-install-recommends "${release[@]}" ocl-icd-opencl-dev pocl-opencl-icd

usable || refuse "PoCL $(installed pocl-opencl-icd) was installed but cannot be used."
say "PoCL $(installed pocl-opencl-icd) is installed."
