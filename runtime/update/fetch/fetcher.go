package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
)

// fetcher is the state of one run.
type fetcher struct {
	job    Job
	index  *blocks.Index
	limits Limits
	cost   plan.Cost

	mu       sync.Mutex
	have     []bool // blocks that are in place
	lacking  int    // how many are not
	expected int64
	report   Report
	retries  int  // made for the present way
	noRanges bool // the server does not do ranges
	decoders []*blocks.Decoder
}

func newFetcher(ctx context.Context, j Job) (*fetcher, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, s := range []string{j.Frames, j.Raw} {
		if u, err := url.Parse(s); err != nil || s != "" && u.Host == "" {
			return nil, fmt.Errorf("fetching image: %q is not a URL with a host", s)
		}
	}
	if j.Frames == "" {
		return nil, errors.New("fetching image: no URL given")
	}
	f := &fetcher{job: j, index: j.Index, cost: j.Cost, have: make([]bool, j.Index.Blocks()), lacking: j.Index.Blocks()}
	if f.cost == (plan.Cost{}) {
		f.cost = plan.DefaultCost
	}
	f.limits = j.Limits.or(DefaultLimits)
	if f.limits.Bytes == 0 {
		f.limits.Bytes = 3*f.index.FramesSize() + 2*f.index.Size
	}
	return f, nil
}

// plan decides where blocks come from.
func (f *fetcher) plan() *plan.Plan {
	locals := make([]plan.Local, len(f.job.Locals))
	for i, l := range f.job.Locals {
		locals[i] = l.Local
	}
	p := plan.Make(f.index, locals, f.cost)
	f.report.Counts, f.expected = p.Counts, p.Bytes
	return p
}

func (f *fetcher) missing() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lacking
}

// wants says whether a block is still missing.
func (f *fetcher) wants(b int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.have[b]
}

// wanted returns the frames from the first to behind the last in [first, end)
// of which blocks are missing; first == end where there are none.
func (f *fetcher) wanted(first, end int) (int, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for first < end && !f.lacks(first) {
		first++
	}
	for first < end && !f.lacks(end-1) {
		end--
	}
	return first, end
}

// lacks says whether blocks of a frame are missing. f.mu is held.
func (f *fetcher) lacks(frame int) bool {
	b, end := f.index.FrameRange(frame)
	for ; b < end; b++ {
		if !f.have[b] {
			return true
		}
	}
	return false
}

// got notes that blocks [first, end) are in place.
func (f *fetcher) got(first, end int) {
	f.mu.Lock()
	for b := first; b < end; b++ {
		if !f.have[b] {
			f.have[b] = true
			f.lacking--
		}
	}
	f.mu.Unlock()
	f.tell()
}

// tell reports progress.
func (f *fetcher) tell() {
	if f.job.Progress == nil {
		return
	}
	f.mu.Lock()
	p := Progress{Blocks: len(f.have), Done: len(f.have) - f.lacking, Bytes: f.report.Bytes, Expected: f.expected}
	f.mu.Unlock()
	f.job.Progress(p)
}

// reject notes that blocks were not what their hash said, or not readable.
func (f *fetcher) reject(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Rejected += n
}

// setWay notes which way is tried, and whether it is the plan's or one that is
// fallen back to.
func (f *fetcher) setWay(w Way, fallback bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Way, f.retries = w, 0
	switch {
	case fallback && w == Stream:
		f.expected = f.report.Bytes + f.index.FramesSize()
	case fallback:
		f.expected = f.report.Bytes + int64(f.lacking)*blocks.BlockSize
	}
}

func (f *fetcher) giveUp(reason error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Reasons = append(f.report.Reasons, reason.Error())
}

func (f *fetcher) result() Report {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.report
}

// store writes the blocks of a frame that are missing.
func (f *fetcher) store(frame int, data []byte) error {
	b, end := f.index.FrameRange(frame)
	base := b
	for b < end {
		if !f.wants(b) {
			b++
			continue
		}
		first := b
		for b < end && f.wants(b) {
			b++
		}
		part := data[(first-base)*blocks.BlockSize : min((b-base)*blocks.BlockSize, len(data))]
		if err := f.write(first, b, part); err != nil {
			return err
		}
	}
	return nil
}

// write puts blocks [first, end) in place.
func (f *fetcher) write(first, end int, data []byte) error {
	if _, err := f.job.Target.WriteAt(data, int64(first)*blocks.BlockSize); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	f.got(first, end)
	return nil
}

// decoder returns one that nobody else uses; release gives it back.
func (f *fetcher) decoder() (*blocks.Decoder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.decoders); n > 0 {
		d := f.decoders[n-1]
		f.decoders = f.decoders[:n-1]
		return d, nil
	}
	return blocks.NewDecoder(f.index)
}

func (f *fetcher) release(d *blocks.Decoder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.decoders = append(f.decoders, d)
}

// close frees the decoders.
func (f *fetcher) close() {
	for _, d := range f.decoders {
		d.Close()
	}
}
