#!/bin/sh
# Makes foreign.zst with the zstd program: the second 64 KiB of the tests'
# sample, with a checksum, at level 19.
set -eu
cd "$(dirname "$0")"
i=0
while [ $i -lt 12000 ]; do echo "$i times of $((i % 7))"; i=$((i + 1)); done |
    head -c 131072 | tail -c 65536 | zstd -q -19 --check --stream-size=65536 > foreign.zst
