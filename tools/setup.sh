#!/bin/sh
# Installs what building and running dreamrunner needs and this machine lacks: Debian packages, LibTorch in a cache.
#
#   tools/setup.sh [cpu|cuda]   packages and LibTorch; `cuda` adds what an NVIDIA GPU needs
#   tools/setup.sh oracle       a Python environment with the reference implementations, for goldens and benchmarks
#
# Says what it will install before it does, never asks anything, and takes well under a second when nothing is missing.
# The cache is DREAMRUNNER_CACHE, or XDG_CACHE_HOME/dreamrunner, or HOME/.cache/dreamrunner, as in cmake/libtorch.cmake.
set -eu
exec </dev/null

what=${1:-cpu}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${DREAMRUNNER_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/dreamrunner}
libtorch="$cache/libtorch-2.11.0"

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Packages that building, running and testing need. fonts-dejavu-core: captions on contact sheets; ffmpeg: tests only.
build_packages="g++ cmake ninja-build ccache pkg-config python3
  libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libcairo2-dev libpng-dev libfmt-dev nlohmann-json3-dev
  libtomlplusplus-dev libcli11-dev libicu-dev libstemmer-dev libssl-dev libseccomp-dev libcurl4-openssl-dev libgtest-dev libgmock-dev libbenchmark-dev fonts-dejavu-core ffmpeg"

# Prints those of the given packages that are not installed.
missing_packages() {
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' || true)
  for package in "$@"; do
    printf '%s\n' "$installed" | grep -qxF -- "$package" || printf '%s ' "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "this is not Debian or a system derived from it (no apt-get); install what answers to these packages, then run cmake yourself: $(echo $*)"
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "installing Debian packages: $missing"
  if [ "$(id -u)" != 0 ] && ! { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }; then
    fail "installing needs root, and sudo is not there or would ask for a password; run first, as root: apt-get update && apt-get install --no-install-recommends $missing"
  fi
  as_root apt-get -q -o DPkg::Lock::Timeout=300 update ||
    say "apt-get update failed (no network?); trying with the package lists that are here"
  # The list is split into words on purpose.
  # shellcheck disable=SC2086
  as_root apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends install $missing ||
    fail "apt-get could not install $missing; its own message above says why (is there a network?)"
}

libtorch_ready() {
  for file in torch/include/ATen/ATen.h torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1 \
    nvidia/cu13/lib/libcudart.so.13 nvidia/cu13/lib/libcupti.so.13; do
    [ -f "$libtorch/$file" ] || return 1
  done
  [ "$1" = cuda ] || return 0
  for file in torch/lib/libtorch_cuda.so torch/lib/libtorch_cuda_linalg.so nvidia/cu13/lib/libcublas.so.13 \
    nvidia/cu13/lib/libcusolver.so.12 nvidia/cudnn/lib/libcudnn.so.9 nvidia/nccl/lib/libnccl.so.2 \
    nvidia/cusparselt/lib/libcusparseLt.so.0 nvidia/nvshmem/lib/libnvshmem_host.so.3; do
    [ -f "$libtorch/$file" ] || return 1
  done
}

# Prints a Python that has pip; installs Debian's where there is none.
python_with_pip() {
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      echo "$python"
      return
    fi
  done
  install_packages python3-pip >&2
  echo /usr/bin/python3
}

need_disk() { # MEGABYTES
  free=$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1024) }')
  [ "$free" -ge "$1" ] || fail "$cache: $free MB free, $1 MB needed; make room, or set DREAMRUNNER_CACHE to another disk"
}

# Before anything is installed.
check_machine() { # cpu | cuda
  libtorch_ready "$1" || [ "$(uname -m)" = x86_64 ] ||
    fail "LibTorch is set up for x86_64 and this is $(uname -m); unpack a LibTorch 2.11 yourself and give its folder to cmake as DREAMRUNNER_LIBTORCH"
}

install_libtorch() { # cpu | cuda
  libtorch_ready "$1" && return
  mkdir -p "$cache" || fail "$cache cannot be made; set DREAMRUNNER_CACHE to a folder that can be written"
  # Two set-ups at once: the second waits for the first and finds its work done.
  exec 9>"$cache/setup.lock"
  flock 9
  libtorch_ready "$1" && return
  rm -rf "$cache"/wheels.* "$libtorch".*.tmp # of set-ups that were killed: we hold the lock
  if [ "$1" = cuda ]; then
    say "downloading LibTorch and NVIDIA's libraries for it (2.5 GB) into $libtorch"
    need_disk 9000
    lists="-r $here/libtorch-cpu.txt -r $here/libtorch-cuda.txt"
  else
    say "downloading LibTorch (540 MB) into $libtorch"
    need_disk 2500
    lists="-r $here/libtorch-cpu.txt"
  fi
  python=$(python_with_pip)
  wheels="$cache/wheels.$$"
  trap 'rm -rf "$wheels"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # The wheel is the one for Python 3.11 whatever Python is here: no Python of it is used. pip checks the hashes.
  platforms="--platform manylinux2014_x86_64"
  for minor in $(seq 5 28); do platforms="$platforms --platform manylinux_2_${minor}_x86_64"; done
  # shellcheck disable=SC2086
  "$python" -m pip download --quiet --disable-pip-version-check --no-input --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.11 $platforms --dest "$wheels" $lists ||
    fail "pip could not download LibTorch; its own message above says why (is there a network?)"
  "$python" "$here/unpack_wheels.py" "$1" "$libtorch" "$wheels"/*.whl || fail "$libtorch could not be filled"
  rm -rf "$wheels"
  libtorch_ready "$1" || fail "$libtorch is not complete after unpacking; this is a bug of tools/setup.sh"
  say "LibTorch is in $libtorch"
}

install_oracle() {
  requirements="$here/golden/requirements.txt"
  if cmp -s "$requirements" "$cache/oracle/requirements.txt"; then
    return
  fi
  install_packages python3 python3-venv
  say "installing the reference implementations (tools/golden/requirements.txt) into $cache/oracle"
  mkdir -p "$cache"
  rm -rf "$cache/oracle"
  /usr/bin/python3 -m venv "$cache/oracle"
  "$cache/oracle/bin/python" -m pip install --quiet --disable-pip-version-check --no-input -r "$requirements" ||
    fail "pip could not install the reference implementations; its own message above says why (is there a network?)"
  # Written last: it marks the environment as complete.
  cp "$requirements" "$cache/oracle/requirements.txt"
}

case $what in
  cpu | cuda)
    check_machine "$what"
    # shellcheck disable=SC2086
    install_packages $build_packages
    install_libtorch "$what"
    ;;
  oracle) install_oracle ;;
  *) fail "tools/setup.sh: unknown argument '$what'; expected cpu, cuda or oracle" ;;
esac
