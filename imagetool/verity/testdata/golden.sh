#!/bin/sh
# Makes veritysetup.txt: for several numbers of data blocks, what `veritysetup
# format` makes of the first blocks of the numbers 1, 2, 3... on lines of
# their own. Columns: data blocks, salt, UUID, root hash, SHA-256 of the hash
# device.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
uuid=2c2e81a9-0fbb-ce09-46a8-9d1fced52409
salt=3065280197c50fa9525dd5fd9acf16a111c63a1882c5574c83a868bd186602c6
for pair in 1:$salt 2:$salt 127:$salt 128:$salt 129:$salt 1000:- 1000:00 16384:$salt 16385:$salt; do
	blocks=${pair%%:*}
	s=${pair#*:}
	seq 1 99999999 2>/dev/null | head -c $((blocks * 4096)) > "$dir/data"
	rm -f "$dir/hash"
	root=$(veritysetup format --salt "$s" --uuid $uuid "$dir/data" "$dir/hash" | sed -n 's/^Root hash: *//p')
	echo "$blocks $s $uuid $root $(sha256sum < "$dir/hash" | cut -d' ' -f1)"
done > veritysetup.txt
