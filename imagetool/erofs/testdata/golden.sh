#!/bin/sh
# Makes empty.erofs, the smallest image of mkfs.erofs 1.8.
set -eu
cd "$(dirname "$0")"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/root"
tar -C "$dir/root" --owner=0 --group=0 --mtime=@1760000000 -cf "$dir/root.tar" .
mkfs.erofs --quiet --tar=f --all-time -T1760000000 -U2c2e81a9-0fbb-ce09-46a8-9d1fced52409 -Lslipway -b4096 -Enoinline_data empty.erofs "$dir/root.tar"
