#!/bin/bash
# configure is the project's own: it looks at CC and pkg-config, so it finds what
# is in the sysroot and nothing else.
set -euo pipefail
./configure --prefix /usr --libdir /usr/lib --libbpf_force off
