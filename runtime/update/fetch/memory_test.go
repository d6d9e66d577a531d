package fetch_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/runtime/update/fetch/fetchtest"
)

// newUKI returns a unified kernel image with a kernel of 256 KiB.
func newUKI(t *testing.T, cmdline string) []byte {
	t.Helper()
	kernel := append(fixture.Kernel(uki.X86_64), image(count(1, 64)...)...)
	data, err := uki.Build(uki.Parts{Stub: fixture.Stub(uki.X86_64), Kernel: kernel,
		OSRelease: []byte(fixture.OSRelease), Cmdline: cmdline, Uname: fixture.KernelVersion})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFileKeepsTheKernel fetches a UKI with another command line, longer than
// the file's alignment.
func TestFileKeepsTheKernel(t *testing.T) {
	was := newUKI(t, "root=/dev/dm-0")
	is := newUKI(t, "root=/dev/dm-0"+string(bytes.Repeat([]byte(" x=y"), 300)))
	var frames bytes.Buffer
	x, err := blocks.Write(&frames, bytes.NewReader(is), blocks.Options{Size: int64(len(is)), Salt: salt, Root: sha256.Sum256(is)})
	if err != nil {
		t.Fatal(err)
	}
	var server fetchtest.Server
	server.Put("/root.frames", frames.Bytes())
	job := fetch.Job{Client: &server, Index: x, Frames: framesURL}
	got, r, err := fetch.File(context.Background(), job, was)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, is) {
		t.Error("another file came")
	}
	if r.Missing > 6 || r.Copied < 60 {
		t.Errorf("report is %+v, want the kernel's blocks copied", r)
	}
	x.Root[0] ^= 1
	if _, _, err := fetch.File(context.Background(), job, was, is); !errors.Is(err, fetch.ErrFile) {
		t.Errorf("error is %v, want ErrFile", err)
	}
	x.Size = 1 << 31
	if _, _, err := fetch.File(context.Background(), job); err == nil {
		t.Error("no error for a file of 2 GiB")
	}
}
