#!/bin/sh
# update.sh GODEPS GAZELLE: writes what is generated and committed; run by //:update.
set -eu
runfiles=$(pwd)
cd "$BUILD_WORKSPACE_DIRECTORY"
"$runfiles/$1" -out packages/private/bazel/go_deps.bzl
RUNFILES_DIR=$runfiles/.. "$runfiles/$2"
