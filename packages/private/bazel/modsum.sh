#!/bin/sh
# modsum.sh FOLDER MODULE@VERSION: prints the h1: sum (golang.org/x/mod/sumdb/dirhash,
# Hash1) of a module zip that was extracted to FOLDER.
set -eu
export LC_ALL=C
cd "$1"
printf 'h1:'
find . -type f -printf '%P\0' | sort -z | xargs -0 sha256sum --text |
  sed "s|^\(.\{64\}\)  |\1  $2/|" | sha256sum | cut -c1-64 |
  tr a-f A-F | basenc --base16 -d | base64 -w0
