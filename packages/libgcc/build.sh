#!/bin/bash
set -euo pipefail
install -D -m 0755 /usr/lib/x86_64-linux-gnu/libgcc_s.so.1 "$DESTDIR/usr/lib/libgcc_s.so.1"
