// Package seedtest has small seed disks as people make them: NoCloud disks
// (cidata-*) and config drives (config-2-*), ISO 9660 images with Rock Ridge
// (rr), Joliet, both or neither (plain), and FAT file systems.
//
// The NoCloud ones hold UserData in user-data and the host name Hostname in
// meta-data; the config drives hold DriveUserData in openstack/latest/user_data
// and DriveHostname in openstack/latest/meta_data.json. The files on the FAT
// ones lie in pieces.
package seedtest

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"strings"
	"testing"
)

//go:embed images/*.gz
var images embed.FS

// What is on the disks.
const (
	Hostname      = "seeded"
	DriveUserData = "[settings]\nmotd = \"from a config drive\"\n"
	DriveHostname = "drive.example"
)

// UserData is user-data of the NoCloud disks: one setting, and comments that
// make it fill several clusters.
func UserData() string {
	var b strings.Builder
	b.WriteString("[settings.ntp]\ntime-servers = [\"ntp.example\"]\n")
	for i := range 100 {
		fmt.Fprintf(&b, "# line %d, so that the file has many clusters\n", i+1)
	}
	return b.String()
}

// Names lists the disks: "cidata-fat12.img".
func Names(t testing.TB) []string {
	t.Helper()
	entries, err := images.ReadDir("images")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".gz"))
	}
	return names
}

// Image returns one disk.
func Image(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := images.ReadFile("images/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
