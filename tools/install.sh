#!/usr/bin/env bash
# Installs one set of pinned requirements and Nova itself, editable and in release, into a venv. Uses uv where it
# is there (ten times faster), pip elsewhere.
#
#   tools/install.sh VENV run|dev|deploy
set -euo pipefail
venv=$(realpath -m "$1") set=$2
cd "$(dirname "$0")/.."

fail() {
  echo "nova: $1" >&2
  exit 1
}

python=${PYTHON3:-python3}
command -v "$python" >/dev/null || fail "Python is missing: install Python 3.11 or newer, then repeat this command."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old: install Python 3.11 or newer, or name one by PYTHON3=/path/to/python3.11."
PATH="$PATH:${HOME:-/root}/.cargo/bin"
command -v cargo >/dev/null || fail "Rust is missing: install it from https://rustup.rs, then repeat this command."

if command -v uv >/dev/null; then
  [ -x "$venv/bin/python" ] || uv venv --quiet --python "$python" "$venv"
  install=(uv pip install --quiet --python "$venv/bin/python")
else
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv" ||
    fail "Python cannot make a virtual environment: on Debian and Ubuntu, apt install python3-venv."
  install=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
fi

echo "nova: installing the $set requirements into $venv"
"${install[@]}" --require-hashes -r "requirements/$set.txt"
if [ "$set" = run ]; then
  echo "nova: building the native core in release"
  # maturin came with the requirements, pinned by hash: no isolated build that would fetch another.
  PATH="$venv/bin:$PATH" "${install[@]}" --no-deps --no-build-isolation --editable .
fi
