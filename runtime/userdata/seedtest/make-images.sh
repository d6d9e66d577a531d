#!/bin/bash
# Makes the seed disks in images/, with the programs that people make them with:
# genisoimage 1.1.11, xorriso 1.5.4, dosfstools 4.2, mtools 4.0.32 made those
# that are there.
set -euo pipefail
out=$(cd "$(dirname "$0")/images" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export SOURCE_DATE_EPOCH=1700000000 MTOOLS_SKIP_CHECK=1

mkdir -p cidata config/openstack/latest
{
	printf '[settings.ntp]\ntime-servers = ["ntp.example"]\n'
	seq -f '# line %g, so that the file has many clusters' 100
} >cidata/user-data
printf 'instance-id: i-1\nlocal-hostname: "seeded" # quoted\n' >cidata/meta-data
printf '[settings]\nmotd = "from a config drive"\n' >config/openstack/latest/user_data
printf '{"uuid": "1", "hostname": "drive.example"}' >config/openstack/latest/meta_data.json

genisoimage -quiet -output cidata-rr-joliet.iso -volid cidata -joliet -rock cidata
genisoimage -quiet -output cidata-joliet.iso -volid CIDATA -joliet cidata
genisoimage -quiet -output cidata-plain.iso -volid cidata -iso-level 1 cidata 2>/dev/null
genisoimage -quiet -output config-2-rr.iso -volid config-2 -rock config
xorriso -as mkisofs -quiet -o config-2-xorriso.iso -V config-2 -R -J config 2>/dev/null

# fat BITS LABEL FILE KIB: two files of padding, one of them deleted again, leave
# a hole that the next file fills before it goes on behind the other.
fat() {
	mkfs.vfat -C -F "$1" -s 1 -i 12345678 -n "$2" "$3" "$4" >/dev/null
	head -c 1024 /dev/zero | tr '\0' '#' >padding
	mcopy -i "$3" padding ::one
	mcopy -i "$3" padding ::two
	mdel -i "$3" ::one
}
for bits in 12:256 16:2200 32:34000; do
	image=cidata-fat${bits%:*}.img
	fat "${bits%:*}" CIDATA "$image" "${bits#*:}"
	mcopy -i "$image" cidata/user-data cidata/meta-data ::
done
# Nothing but zeros follows there.
truncate -s 1M cidata-fat32.img
fat 12 CONFIG-2 config-2-fat12.img 256
mcopy -s -i config-2-fat12.img config/openstack ::

for image in *.iso *.img; do
	gzip -9nc "$image" >"$out/$image.gz"
done
