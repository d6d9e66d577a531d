package osrelease_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/osrelease"
)

func TestParse(t *testing.T) {
	got, err := osrelease.Parse([]byte("# comment\nID=slipway\n\nPRETTY_NAME=\"A \\\"quoted\\\" name\"\nHOME='it is \\ raw'\nEMPTY=\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"ID": "slipway", "PRETTY_NAME": `A "quoted" name`, "HOME": `it is \ raw`, "EMPTY": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if _, err := osrelease.Parse([]byte("ID=x\nnonsense")); err == nil {
		t.Error("no error for a line that is no assignment")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("A=\"\\\"\nB='"))
	f.Fuzz(func(t *testing.T, data []byte) { osrelease.Parse(data) })
}
