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

# ab-changed.first and ab-changed.last: the same disk after partitions 2 and 3
# got other names and GUIDs.
sfdisk --quiet --no-reread --no-tell-kernel --part-uuid "$disk" 2 00112233-4455-6677-8899-AABBCCDDEEFF
sfdisk --quiet --no-reread --no-tell-kernel --part-uuid "$disk" 3 FFEEDDCC-BBAA-9988-7766-554433221100
sfdisk --quiet --no-reread --no-tell-kernel --part-label "$disk" 2 _empty
sfdisk --quiet --no-reread --no-tell-kernel --part-label "$disk" 3 HASH-B
head -c 2048 "$disk" > ab-changed.first
tail -c 512 "$disk" > ab-changed.last

# ab-grown.first and ab-grown.last: the same disk grown to 80 MiB, the second
# table moved to the new end.
truncate -s 80M "$disk"
sfdisk --quiet --no-reread --no-tell-kernel --relocate gpt-bak-std "$disk"
head -c 2048 "$disk" > ab-grown.first
tail -c 512 "$disk" > ab-grown.last
