package recipe

import (
	"fmt"
	"path/filepath"
)

// SourceName is the name under InputDir of the i-th source archive.
func (r *Recipe) SourceName(i int) string {
	return fmt.Sprintf("%d-%s", i, filepath.Base(r.Sources[i]))
}

// PatchName is the name under InputDir of the i-th patch.
func (r *Recipe) PatchName(i int) string {
	return fmt.Sprintf("patch-%d-%s", i, filepath.Base(r.Patches[i]))
}

// unpackArchive extracts the archive $1 to the folder $2. Where all of it is in
// one folder, as is the custom, that folder becomes $2.
const unpackArchive = `mkdir "$2.new"
tar -xf "$1" -C "$2.new" --no-same-owner --no-same-permissions
set -- "$1" "$2" "$(ls -A "$2.new")"
if [ -d "$2.new/$3" ]; then mv "$2.new/$3" "$2"; else mv "$2.new" "$2"; fi`

// unpack extracts the first archive to SourceDir and each further one to a
// folder beside it (/build/src.1 …).
func (r *Recipe) unpack() Phase {
	p := Phase{Name: "unpack"}
	for i := range r.Sources {
		dir := SourceDir
		if i > 0 {
			dir = fmt.Sprintf("%s.%d", SourceDir, i)
		}
		p.Commands = append(p.Commands, Command{"/build",
			[]string{"/bin/sh", "-euc", unpackArchive, "unpack", InputDir + "/" + r.SourceName(i), dir}})
	}
	return p
}

// applySeries applies quilt's series file (quilt(1)); comments and options
// after a patch's name are dropped, as dpkg-source does.
const applySeries = `sed -e 's/[[:space:]]*#.*//' -e 's/[[:space:]].*$//' -e '/^$/d' /build/debian/patches/series |
while read -r name; do
	echo "applying debian/patches/$name"
	patch -d ` + SourceDir + ` -p1 -s -N -t --no-backup-if-mismatch < "/build/debian/patches/$name"
done`

// patch applies Debian's series and then the recipe's own patches, and sets one
// time on every file: make would otherwise see a patched configure.ac as newer
// than configure and start autotools again.
func (r *Recipe) patch() Phase {
	p := Phase{Name: "patch"}
	if r.Debian != "" {
		p.Commands = append(p.Commands,
			Command{"/build", []string{"tar", "-xf", InputDir + "/debian.tar", "-C", "/build", "--no-same-owner"}},
			Command{"/build", []string{"/bin/bash", "-euo", "pipefail", "-c", applySeries}})
	}
	for i := range r.Patches {
		p.Commands = append(p.Commands, Command{SourceDir,
			[]string{"patch", "-p1", "-s", "-N", "-t", "--no-backup-if-mismatch", "-i", InputDir + "/" + r.PatchName(i)}})
	}
	p.Commands = append(p.Commands, Command{"/build", []string{
		"find", SourceDir, "-exec", "touch", "-h", "-d", fmt.Sprintf("@%d", r.Epoch), "{}", "+"}})
	return p
}
