#!/bin/bash
set -euo pipefail
cd "$DESTDIR"
mkdir -p usr/bin usr/lib usr/share boot dev etc home mnt opt proc root run srv sys tmp var
chmod 0700 root
chmod 1777 tmp
ln -s usr/bin bin
ln -s usr/bin sbin
ln -s usr/lib lib
ln -s usr/lib lib64
ln -s bin usr/sbin
ln -s lib usr/lib64
