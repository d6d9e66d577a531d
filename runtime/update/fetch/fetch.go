// Package fetch fills the root partition of a slot with an image: it copies
// the blocks that the host has already, fetches the frames that hold the
// others by range requests, and falls back to whole streams where that does
// not work. The network is not trusted with anything: a block is written only
// if its hash begins as the index says, a server can send neither more than
// was asked for nor as slowly as it likes, nor point elsewhere.
//
// That all blocks have the index's prefixes proves nothing yet: whoever calls
// must compute the root hash of the result (runtime/update/slot does).
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
)

// Doer is what is asked of an HTTP client; NewClient makes a fitting one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Target is the device that is filled.
type Target interface {
	io.ReaderAt
	io.WriterAt
}

// Local is a device that may hold blocks, and what they are said to be.
type Local struct {
	plan.Local
	Data io.ReaderAt
}

// Job is one image to fetch.
type Job struct {
	Client Doer
	// Index is the image's, as the repository signed it.
	Index *blocks.Index
	// Frames is the URL of the image's frames, Raw that of the image itself,
	// uncompressed; the last is used where the frames are of no use, and may
	// be empty.
	Frames, Raw string
	// Locals are looked at in order. Where the target holds blocks already
	// (old ones, or those of an interrupted run), it is one of them, with
	// InPlace set.
	Locals []Local
	Target Target
	// Limits and Cost are those of the package where they are zero.
	Limits Limits
	Cost   plan.Cost
	// Progress, if set, is called after every step, from several goroutines.
	Progress func(Progress)
}

// Progress is how far a job is, in blocks and bytes.
type Progress struct {
	Blocks, Done int   // blocks of the image; of these in place
	Bytes        int64 // fetched so far
	Expected     int64 // that the plan says will be fetched
}

// Way is how the missing blocks came.
type Way string

// Ways, in the order in which they are tried.
const (
	Ranges Way = "ranges" // joined range requests
	Stream Way = "stream" // all frames, in one stream
	Raw    Way = "raw"    // the uncompressed image
)

// Report says what was done.
type Report struct {
	plan.Counts
	Way      Way      `json:"way"` // the last that was used; empty if nothing was missing
	Bytes    int64    `json:"bytes"`
	Requests int      `json:"requests"`
	Retries  int      `json:"retries"`
	Rejected int      `json:"rejected"`          // blocks that were not where their hash said
	Reasons  []string `json:"reasons,omitempty"` // why a way was given up
}

// ErrDisk says that the target could not be written or read: no other way of
// fetching would help.
var ErrDisk = errors.New("writing the slot")

// Run fills the target. On an error the target holds a part of the image, from
// which the next run goes on. The error is ErrDisk, ErrBudget or that of ctx
// where trying on makes no sense, else it joins what went wrong each way.
func Run(ctx context.Context, j Job) (Report, error) {
	f, err := newFetcher(ctx, j)
	if err != nil {
		return Report{}, err
	}
	defer f.close()
	p := f.plan()
	if err := f.copyLocal(ctx, p); err != nil {
		return f.result(), err
	}
	return f.network(ctx, p)
}

// network fetches what is missing, by one way after the other.
func (f *fetcher) network(ctx context.Context, p *plan.Plan) (Report, error) {
	var errs []error
	for i, way := range f.ways(p) {
		if f.missing() == 0 {
			break
		}
		f.setWay(way, i > 0)
		err := f.by(ctx, way)
		if fatal(ctx, err) {
			return f.result(), err
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", way, err))
			f.giveUp(errs[len(errs)-1])
		}
	}
	if n := f.missing(); n > 0 {
		return f.result(), fmt.Errorf("fetching image: %d of %d blocks are missing: %w", n, f.index.Blocks(), errors.Join(errs...))
	}
	return f.result(), nil
}

// ways lists what is tried.
func (f *fetcher) ways(p *plan.Plan) []Way {
	ways := []Way{Ranges, Stream}
	if p.Whole {
		ways = ways[1:]
	}
	if f.job.Raw != "" {
		ways = append(ways, Raw)
	}
	return ways
}

func (f *fetcher) by(ctx context.Context, way Way) error {
	switch way {
	case Ranges:
		return f.byRanges(ctx, f.frames())
	case Stream:
		return f.byStream(ctx, f.frames())
	}
	raw := f.raw()
	err := f.byRanges(ctx, raw)
	if err != nil && !fatal(ctx, err) && f.missing() > 0 {
		return f.byStream(ctx, raw)
	}
	return err
}

// fatal says whether no other way would help.
func fatal(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, ErrDisk) || errors.Is(err, ErrBudget))
}
