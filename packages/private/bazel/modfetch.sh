#!/bin/sh
# modfetch.sh MODULE VERSION FILE: puts the zip of a Go module into FILE.
# It goes through the module cache: what is there is not fetched again. Otherwise
# the `go` of PATH fetches it, or curl does from $GOPROXY. The caller checks the sum.
set -eu
module=$1 version=$2 file=$3
cache=${GOMODCACHE:-$HOME/.cache/slipway/gomod}
zip=$cache/cache/download/$module/@v/$version.zip

# with_curl: tries the proxies of $GOPROXY in turn.
with_curl() {
  mkdir -p "${zip%/*}"
  for proxy in $(echo "$GOPROXY" | tr ',|' '  '); do
    case $proxy in direct | off) continue ;; esac
    if curl -fsSL --retry 3 -o "$zip.$$" "$proxy/$module/@v/$version.zip"; then
      mv "$zip.$$" "$zip"
      return
    fi
    rm -f "$zip.$$"
  done
  echo "no proxy of GOPROXY=$GOPROXY has $module@$version" >&2
  return 1
}

if [ ! -f "$zip" ]; then
  if command -v go >/dev/null; then
    cd "${TMPDIR:-/tmp}"
    GOMODCACHE=$cache GOTOOLCHAIN=local GOFLAGS=-mod=mod GO111MODULE=on \
      go mod download -modcacherw "$module@$version"
  elif [ -n "${GOPROXY-}" ] && command -v curl >/dev/null; then
    with_curl
  else
    echo "nothing here can fetch the Go module $module@$version: install any Go (apt-get install golang-go)," >&2
    echo "or install curl and set GOPROXY to a module proxy, or run ./bazelw, which brings its own" >&2
    exit 1
  fi
fi
cp "$zip" "$file"
