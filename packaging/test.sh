#!/bin/sh
# Installs what EM Studio and its tests need, on the first run only, and runs them all: sh packaging/test.sh [ARGUMENTS OF pytest]
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
. "$root/packaging/environment.sh"

find_python
install_packages test test
install_libraries
cd "$root" || exit 1
[ $# -gt 0 ] || set -- -n auto --maxprocesses 8 # all of them: side by side, on every core
PYTHONPATH=$root exec "$interpreter" -P -m pytest "$@"
