#!/bin/bash
# zlib's configure is its own script, not autoconf's.
set -euo pipefail
./configure --prefix=/usr --libdir=/usr/lib --sharedlibdir=/usr/lib
make -j"$JOBS" libz.so.1.3.1 libz.a
make install DESTDIR="$DESTDIR"
