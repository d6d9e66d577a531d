#!/bin/bash
# Mozilla's list of trusted certificates as one bundle.
set -euo pipefail
cd mozilla
python3 certdata2pem.py
bundle="$DESTDIR/usr/share/factory/etc/ssl/certs/ca-certificates.crt"
install -d "${bundle%/*}"
LC_ALL=C
for crt in *.crt; do
	cat "$crt"
done > "$bundle"
chmod 0644 "$bundle"
