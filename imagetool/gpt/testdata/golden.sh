#!/bin/sh
# Makes ab.first (first 4 sectors) and ab.last (last sector) with sfdisk from
# ab.sfdisk, on a disk of 64 MiB.
set -eu
cd "$(dirname "$0")"
disk=$(mktemp)
trap 'rm -f "$disk"' EXIT
truncate -s 64M "$disk"
sfdisk --quiet --no-reread --no-tell-kernel "$disk" < ab.sfdisk
head -c 2048 "$disk" > ab.first
tail -c 512 "$disk" > ab.last
