#!/bin/sh
# Installs what EM Studio needs, on the first run only, and starts it: sh packaging/launch.sh [ARGUMENTS OF emstudio]
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
. "$root/packaging/environment.sh"

find_python
install_packages app
install_libraries
# -P: a file of the folder one stands in, numpy.py say, must not be taken for a part of the program.
PYTHONPATH=$root exec "$interpreter" -P -m emstudio "$@"
