package fetch

import (
	"bytes"
	"context"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
)

// maxRun is how many blocks are copied at a time (1 MiB).
const maxRun = 256

// run is a run of blocks, at First on the target and from From on where they
// come from.
type run struct {
	first, n int
	from     plan.From
}

// copyLocal brings the blocks that the host has into place. Each is hashed as
// it passes: one that is not what its hash said stays missing.
func (f *fetcher) copyLocal(ctx context.Context, p *plan.Plan) error {
	var inPlace, moved, others []run
	for _, r := range runs(p.Blocks) {
		switch {
		case r.from.Local == plan.Zero || !f.job.Locals[r.from.Local].InPlace:
			others = append(others, r)
		case int(r.from.Block) == r.first:
			inPlace = append(inPlace, r)
		default:
			moved = append(moved, r)
		}
	}
	// What moves within the target is read before anything is written there.
	held := make([][]byte, len(moved))
	if err := f.each(ctx, len(moved), func(w *copier, i int) error {
		held[i] = bytes.Clone(w.read(moved[i]))
		return nil
	}); err != nil {
		return err
	}
	if err := f.each(ctx, len(inPlace), func(w *copier, i int) error {
		return w.passed(inPlace[i], w.read(inPlace[i]), w.keep)
	}); err != nil {
		return err
	}
	if err := f.each(ctx, len(moved), func(w *copier, i int) error {
		return w.passed(moved[i], held[i], w.write)
	}); err != nil {
		return err
	}
	return f.each(ctx, len(others), func(w *copier, i int) error {
		return w.passed(others[i], w.read(others[i]), w.write)
	})
}

// runs gathers neighbours that come from neighbours.
func runs(from []plan.From) []run {
	var all []run
	for b, s := range from {
		if s.Local == plan.Fetch {
			continue
		}
		if n := len(all); n > 0 {
			r := &all[n-1]
			next := r.from
			if s.Local != plan.Zero {
				next.Block += int32(r.n)
			}
			if r.first+r.n == b && r.n < maxRun && s == next {
				r.n++
				continue
			}
		}
		all = append(all, run{first: b, n: 1, from: s})
	}
	return all
}

// copier copies runs; each goroutine has its own.
type copier struct {
	f    *fetcher
	hash *blocks.Hasher
	buf  []byte
}

// each calls work for 0 to n-1 on all processors.
func (f *fetcher) each(ctx context.Context, n int, work func(w *copier, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	next := make(chan int)
	group.Go(func() error {
		defer close(next)
		for i := range n {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() error {
			w := &copier{f: f, hash: blocks.NewHasher(f.index.Salt), buf: make([]byte, maxRun*blocks.BlockSize)}
			for i := range next {
				if err := work(w, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// read returns the bytes of a run, none where they cannot be read: a bad
// sector is a block that the host has not got.
func (w *copier) read(r run) []byte {
	b := w.buf[:r.n*blocks.BlockSize]
	if r.from.Local == plan.Zero {
		clear(b)
		return b
	}
	n, err := w.f.job.Locals[r.from.Local].Data.ReadAt(b, int64(r.from.Block)*blocks.BlockSize)
	if err != nil && err != io.EOF {
		n = 0
	}
	return b[:n/blocks.BlockSize*blocks.BlockSize]
}

// passed hands over those blocks of a run that have the index's hashes.
func (w *copier) passed(r run, data []byte, put func(first, end int, data []byte) error) error {
	good := func(i int) bool {
		at := i * blocks.BlockSize
		return at < len(data) && w.hash.Prefix(data[at:at+blocks.BlockSize]) == w.f.index.Leaves[r.first+i]
	}
	for i := 0; i < r.n; i++ {
		from := i
		for i < r.n && good(i) {
			i++
		}
		if i > from {
			if err := put(r.first+from, r.first+i, data[from*blocks.BlockSize:i*blocks.BlockSize]); err != nil {
				return err
			}
		}
		if i < r.n {
			w.f.reject(1)
		}
	}
	return nil
}

// keep notes that blocks are in place already.
func (w *copier) keep(first, end int, _ []byte) error {
	w.f.got(first, end)
	return nil
}

// write writes blocks, the last of the image only as far as it goes.
func (w *copier) write(first, end int, data []byte) error {
	rest := w.f.index.Size - int64(first)*blocks.BlockSize
	return w.f.write(first, end, data[:min(int64(len(data)), rest)])
}
