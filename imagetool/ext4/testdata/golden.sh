#!/bin/sh
# Makes super.ext4, the superblock of an empty file system of mkfs.ext4 1.47,
# and super.txt, what dumpe2fs says about it.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
truncate -s 64M "$dir/fs"
uuid=2c2e81a9-0fbb-ce09-46a8-9d1fced52409
SOURCE_DATE_EPOCH=1760000000 E2FSPROGS_FAKE_TIME=1760000000 mkfs.ext4 -q -F -b 4096 -U $uuid -E hash_seed=$uuid "$dir/fs"
dd if="$dir/fs" of=super.ext4 bs=1024 skip=1 count=1 status=none
dumpe2fs -h "$dir/fs" 2>/dev/null | grep -E '^(Block count|Free blocks|Block size|Filesystem UUID):' > super.txt
