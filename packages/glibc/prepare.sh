#!/bin/bash
# The archive's tarball lacks the manual for licence reasons, but the build
# descends into it: an almost empty Makefile is enough (docs/design/0003).
set -euo pipefail
mkdir -p manual
cat > manual/Makefile <<'EOF'
subdir := manual
include ../Makeconfig
include ../Rules
EOF
