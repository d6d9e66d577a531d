#!/bin/bash
# The time zones are data: the SDK's zic compiles them.
set -euo pipefail
zones="$DESTDIR/usr/share/zoneinfo"
install -d "$zones"
/usr/sbin/zic -b slim -d "$zones" africa antarctica asia australasia europe \
	northamerica southamerica etcetera factory backward
install -m 0644 iso3166.tab zone.tab zone1970.tab "$zones"
