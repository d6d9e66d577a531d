#!/bin/bash
# src installs the library only.
set -euo pipefail
make -C ../include install PREFIX=/usr DESTDIR="$DESTDIR"
