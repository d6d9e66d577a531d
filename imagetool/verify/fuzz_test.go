package verify_test

import (
	"bytes"
	"testing"

	"github.com/slipway-os/slipway/imagetool/inspect"
	"github.com/slipway-os/slipway/imagetool/verify"
)

// patched reads data with other bytes laid over it, without copying it.
type patched struct {
	data  []byte
	at    int64
	patch []byte
}

func (f patched) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(f.data).ReadAt(p, off)
	for i, c := range f.patch {
		if j := f.at + int64(i) - off; j >= 0 && j < int64(n) {
			p[j] = c
		}
	}
	return n, err
}

// FuzzImage lays bytes over a good image: whatever is damaged, it must not
// panic, and what was changed where every byte is covered must be found.
func FuzzImage(f *testing.F) {
	data, table := load(f)
	size := int64(len(data))
	f.Add(int64(0), []byte{0x55, 0xaa}, size)
	f.Add(int64(512), []byte("EFI PART"), int64(700))
	for _, p := range table.Partitions {
		f.Add(p.Start()+11, []byte{0, 2, 1, 32, 0, 2}, size)
		f.Add(p.Start()+1024, []byte{0xe2, 0xe1, 0xf5, 0xe0}, p.Start()+p.Size())
		f.Add(p.Start()+72, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, size)
	}
	esp := table.Partitions[0]
	f.Fuzz(func(t *testing.T, at int64, patch []byte, cut int64) {
		cut = min(max(cut, 0), size)
		r := patched{data[:cut], at, patch}
		inspect.Image(r, cut)
		result, err := verify.Image(r, cut)
		if err != nil || cut != size || !result.OK {
			return
		}
		from, to := max(at, esp.Start()+esp.Size()), min(at+int64(len(patch)), table.Partitions[5].Start())
		if from < to && !bytes.Equal(patch[from-at:to-at], data[from:to]) {
			t.Errorf("change of bytes %d to %d is not found", from, to)
		}
	})
}
