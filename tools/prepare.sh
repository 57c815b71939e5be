#!/bin/sh
# Checks the system packages a target needs; as root with apt it installs the missing ones.
#   prepare.sh build   Python 3.10+, its headers and venv, a C compiler: without them nothing works
#   prepare.sh peers   Redis's tools, for tests and benchmarks beside the real thing: optional
#
# Debian's redis-tools holds the whole server (redis-check-rdb is the same program), and unlike its
# redis-server package starts no service, which would take port 6379.
set -u
PYTHON=${PYTHON:-python3}

has() { command -v "$1" >/dev/null 2>&1; }

install_or_name() { # packages...
    if [ "$(id -u)" = 0 ] && has apt-get; then
        echo "installing: $*"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@" >/dev/null && return 0
    fi
    return 1
}

build() {
    missing=
    has "$PYTHON" || missing="python3 python3-venv python3-dev"
    if has "$PYTHON"; then
        "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || missing="python3-venv"
        "$PYTHON" -c '
import os, sysconfig
raise SystemExit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
' || missing="$missing python3-dev"
    fi
    has gcc || has cc || missing="$missing gcc libc6-dev"
    # shellcheck disable=SC2086
    if [ -n "$missing" ] && ! install_or_name $missing; then
        echo "Carnelian needs these packages to build:" $missing >&2
        echo "(as root: apt-get install $missing)" >&2
        exit 1
    fi
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
        echo "Carnelian needs Python 3.10 or later; $PYTHON is $("$PYTHON" -V 2>&1)" >&2
        exit 1
    }
}

peers() {
    if has redis-benchmark && { has redis-server || has redis-check-rdb; }; then
        return
    fi
    install_or_name redis-tools ||
        echo "no redis-tools here: the tests and benchmarks beside Redis are skipped" >&2
}

"$1"
