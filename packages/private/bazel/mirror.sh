#!/bin/sh
# mirror.sh: prints the address of the Debian archive that the host's apt uses, or
# nothing. Origin and label tell it from other repositories; before the first
# `apt-get update` they are not known, and its path must do.
# shellcheck disable=SC2016 # apt-get expands what looks like variables
uri=$(apt-get indextargets --format '$(ORIGIN)/$(LABEL)/$(COMPONENT) $(REPO_URI)' 2>/dev/null |
  sed -n 's|^Debian/Debian/main ||p' | head -n 1)
[ -n "$uri" ] || uri=$(apt-get update --print-uris 2>/dev/null |
  sed -n "s|^'\([^']*/debian\)/dists/.*|\1|p" | head -n 1)
echo "${uri%/}"
