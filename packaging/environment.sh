# shellcheck shell=sh disable=SC2034,SC2086 # lists of names are meant to be split; $interpreter is for launch.sh and test.sh
# Sourced by launch.sh and test.sh: makes a machine ready for EM Studio. POSIX sh, and of Python the standard library only.
#
# Packages go into a private folder, .environment in the checkout (or $EMSTUDIO_ENVIRONMENT), never into the system's
# Python: so neither the venv module nor a permission is needed, and what else is installed there does not matter. Its
# name holds a checksum of what was asked for, and it appears only when complete: a second start installs nothing, an
# interrupted one leaves nothing half-made.
# Everything said here goes to standard error; standard output belongs to the program that is started.

# Without any locale Qt complains, and Python may write something else than UTF-8.
[ -n "${LC_ALL:-}${LC_CTYPE:-}${LANG:-}" ] || export LANG=C.UTF-8

say() { printf '%s\n' "$*" >&2; }
fail() { say "emstudio: error: $*"; exit 1; }

# Sets $python: the first interpreter that is new enough (its own path: a shim costs a tenth of a second at each call);
# uv, if present, may bring one.
find_python() {
    for name in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14; do
        python=$("$name" -c 'import sys; print(sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)' 2>/dev/null) &&
            return
    done
    if command -v uv >/dev/null 2>&1; then
        uv python install --quiet '>=3.11' >&2 && python=$(uv python find '>=3.11') && return
    fi
    fail "Python 3.11 or newer was not found; install it (on Debian and Ubuntu: apt-get install python3 python3-pip)"
}

# install_packages KIND [EXTRA ...]: sets $packages, the folder that holds the requirements with these extras, and
# $interpreter, the Python that sees them.
install_packages() {
    kind=$1
    shift
    home=${EMSTUDIO_ENVIRONMENT:-$root/.environment}
    wanted=$("$python" "$root/packaging/requirements.py" "$@") || fail "pyproject.toml cannot be read"
    sum=$({ printf '%s\n' "$wanted"; cat "$root/packaging/constraints.txt"; } | cksum | cut -d ' ' -f 1)
    environment=$home/$kind-$sum
    [ -x "$environment/bin/python3" ] || make_environment
    interpreter=$environment/bin/python3
    set -- "$environment"/lib/python*/site-packages
    packages=$1
}

make_environment() {
    mkdir -p "$home" 2>/dev/null
    [ -w "$home" ] || fail "$home cannot be written; set EMSTUDIO_ENVIRONMENT to a folder of your own"
    echo '*' >"$home/.gitignore"
    fresh=$home/unfinished-$$
    trap 'rm -rf "$fresh"' EXIT
    trap 'exit 130' INT HUP TERM
    # What the venv module would make: Python knows its environment by the file pyvenv.cfg above the name it is called by.
    base=$("$python" -c 'import sys; print(sys._base_executable)')
    target=$fresh/$("$python" -c 'import sys; print("lib/python{}.{}/site-packages".format(*sys.version_info))')
    mkdir -p "$fresh/bin" "$target" || fail "$fresh cannot be made"
    ln -s "$base" "$fresh/bin/python3"
    printf '%s\n' "home = ${base%/*}" "include-system-site-packages = false" >"$fresh/pyvenv.cfg"
    printf '%s\n' "$wanted" >"$fresh/requirements.txt"
    say "Installing EM Studio's parts into $environment (once, some 700 MB on disk) ..."
    run_installer || fail "the parts could not be installed; the lines above say why (is the network there?)"
    if [ -x "$environment/bin/python3" ]; then
        rm -rf "$fresh" # another start was faster
    else
        rm -rf "$home/$kind"-* # of former versions
        mv "$fresh" "$environment" || fail "$environment cannot be made"
    fi
    trap - EXIT INT HUP TERM
}

run_installer() {
    set -- --target "$target" --only-binary :all: -r "$fresh/requirements.txt" -c "$root/packaging/constraints.txt"
    quiet=
    [ -t 2 ] || quiet=--quiet
    if command -v uv >/dev/null 2>&1; then
        uv pip install $quiet --python "$python" --compile-bytecode "$@" >&2
        return
    fi
    "$python" -m pip --version >/dev/null 2>&1 ||
        fail "pip was not found; install it (on Debian and Ubuntu: apt-get install python3-pip) or uv"
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip install $quiet "$@" >&2
}

# install_libraries: what Qt needs of the system, by the display in use: shared libraries and at least one font.
install_libraries() {
    command -v ldd >/dev/null 2>&1 || return 0 # not Linux with glibc: the wheels bring all
    debian=
    plugins=
    need libqoffscreen.so libegl1 libgl1 libxkbcommon0 libfontconfig1 libdbus-1-3 libglib2.0-0
    [ -z "${DISPLAY:-}" ] ||
        need libqxcb.so libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0
    [ -z "${WAYLAND_DISPLAY:-}" ] || need libqwayland.so libwayland-cursor0
    has_font || debian="$debian fonts-dejavu-core"
    [ -n "$debian" ] || return 0
    missing=$(missing_for $plugins)
    command -v apt-get >/dev/null 2>&1 || {
        [ -n "$missing" ] || return 0 # only a font is missing, and the application brings its own
        fail "Qt needs libraries that this system lacks:" $missing "- install the packages that hold them"
    }
    apt_install $debian
    missing=$(missing_for $plugins)
    [ -z "$missing" ] || fail "these libraries are still missing:" $missing
}

# need PLUGIN PACKAGE ...: notes the plugin, and the packages if it lacks something.
need() {
    plugin=$1
    shift
    plugins="$plugins $plugin"
    [ -z "$(missing_for "$plugin")" ] || debian="$debian $*"
}

# The shared libraries that these platform plugins ask for and the system lacks, by name.
missing_for() {
    qt=$packages/PySide6
    for plugin in "$@"; do
        ldd "$qt/Qt/plugins/platforms/$plugin" "$qt/QtWidgets.abi3.so" "$qt/QtSvg.abi3.so" 2>/dev/null
    done | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u | tr '\n' ' '
}

has_font() {
    for folder in /usr/share/fonts /usr/local/share/fonts "${HOME:-/nonexistent}/.fonts" "${HOME:-/nonexistent}/.local/share/fonts"; do
        [ -d "$folder" ] && [ -n "$(find -L "$folder" -name '*.[ot]tf' 2>/dev/null | head -n 1)" ] && return
    done
    return 1
}

# apt_install PACKAGE ...: as root or with a sudo that asks nothing; else the exact line is shown, for a person to run.
apt_install() {
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        [ -n "$missing" ] || return 0 # only a font is missing, see above
        say "Qt needs packages of the system. Run this line, then start again:"
        say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
        exit 1
    fi
    say "Installing system packages: $*"
    log=$home/system-packages.log
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0"
    $apt update >"$log" 2>&1 || say "The package lists could not be renewed; trying with those that are there."
    $apt install -y --no-install-recommends "$@" </dev/null >>"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        fail "apt-get could not install: $*"
    }
}
