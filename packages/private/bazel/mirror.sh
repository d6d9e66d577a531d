#!/bin/sh
# mirror.sh: prints the address of the Debian archive that the host's apt uses, or
# nothing. Its path tells it from other repositories; where it does not, its origin
# and label do, which apt knows after the first `apt-get update`, and is slow to tell.
uri=$(apt-get update --print-uris 2>/dev/null |
  sed -n "s:^'\([^']*/debian\(/[0-9TZ]*\)\{0,1\}\)/dists/.*:\1:p" | head -n 1)
# shellcheck disable=SC2016 # apt-get expands what looks like variables
[ -n "$uri" ] || uri=$(apt-get indextargets --format '$(ORIGIN)/$(LABEL)/$(COMPONENT) $(REPO_URI)' 2>/dev/null |
  sed -n 's|^Debian/Debian/main ||p' | head -n 1)
echo "${uri%/}"
