#!/bin/sh
# debfetch.sh PATH SHA256 FILE: puts the file PATH of a Debian archive into FILE.
# The archive is $DEBIAN_MIRROR, or the one of the host's apt configuration; what was
# fetched once is kept in the cache folder by its hash.
set -eu
path=$1 sha256=$2 file=$3
cache=$HOME/.cache/slipway/pool
kept=$cache/$sha256

fail() { printf '%s\n' "$@" >&2; exit 1; }

if [ ! -f "$kept" ]; then
  mirror=${DEBIAN_MIRROR:-$("${0%/*}/mirror.sh")}
  [ -n "$mirror" ] || fail "apt's configuration names no Debian archive; set DEBIAN_MIRROR to one"
  url=${mirror%/}/$path
  mkdir -p "$cache"
  new=$kept.new.$$
  trap 'rm -f "$new"' EXIT
  if command -v curl >/dev/null; then
    get="curl -fsSL --retry 3 -o"
  elif command -v wget >/dev/null; then
    get="wget -q -O"
  else
    fail "neither curl nor wget is here to fetch $url: install curl"
  fi
  $get "$new" "$url" || fail "could not fetch $url" \
    "The archive may have moved on to a later version: set DEBIAN_MIRROR to a snapshot of the archive," \
    "or write the present version's path and SHA-256 into WORKSPACE."
  found=$(sha256sum "$new" | cut -c1-64)
  [ "$found" = "$sha256" ] || fail "$url has the wrong hash" "  expected $sha256" "  found    $found"
  mv "$new" "$kept"
fi
cp "$kept" "$file"
