package fetch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-os/slipway/imagetool/blocks/plan"
)

// errRetries says that a way has had its retries.
var errRetries = errors.New("too many attempts failed")

// byRanges fetches what is missing by joined ranges, several at once. A range
// that fails does not stop the others, unless the server's fault is one that
// they would meet too.
func (f *fetcher) byRanges(ctx context.Context, s source) error {
	if f.rangesBad() {
		return ErrNoRanges
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(f.limits.Parallel)
	var mu sync.Mutex
	var failed error
	for _, r := range plan.Join(s.layout, f.wants, f.cost) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := f.fetchRange(ctx, s, r.First, r.End)
			if err == nil || permanent(err) || fatal(ctx, err) || errors.Is(err, errRetries) {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if failed == nil {
				failed = err
			}
			return nil
		})
	}
	return errors.Join(group.Wait(), failed)
}

// fetchRange fetches frames [first, end); after a failure it goes on where it
// stopped.
func (f *fetcher) fetchRange(ctx context.Context, s source, first, end int) error {
	for attempt := 1; ; attempt++ {
		if first, end = f.wanted(first, end); first == end {
			return nil
		}
		err := f.get(ctx, s, first, end)
		if errors.Is(err, ErrNoRanges) || errors.Is(err, ErrRange) {
			f.setRangesBad()
		}
		if err == nil || permanent(err) || fatal(ctx, err) {
			return err
		}
		if from, _ := f.wanted(first, end); from > first {
			attempt = 0
		}
		if err := f.pause(ctx, attempt, err); err != nil {
			return err
		}
	}
}

// byStream fetches the whole file in one request. Where that breaks off, the
// rest is asked for as a range, or the whole again where ranges do not work.
func (f *fetcher) byStream(ctx context.Context, s source) error {
	first, end := 0, s.layout.Frames()
	for attempt := 1; ; attempt++ {
		before := f.missing()
		err := f.get(ctx, s, first, end)
		if f.missing() == 0 {
			return nil
		}
		partial := first > 0 || end < s.layout.Frames()
		if partial && (errors.Is(err, ErrNoRanges) || errors.Is(err, ErrRange)) {
			f.setRangesBad()
		} else if err == nil || permanent(err) || fatal(ctx, err) {
			return err
		}
		if f.missing() < before {
			attempt = 0
		}
		if err := f.pause(ctx, attempt, err); err != nil {
			return err
		}
		if first, end = 0, s.layout.Frames(); !f.rangesBad() {
			first, end = f.wanted(first, end)
		}
	}
}

// pause waits before the next attempt. It returns err where there shall be
// none.
func (f *fetcher) pause(ctx context.Context, attempt int, err error) error {
	if attempt >= f.limits.Attempts {
		return err
	}
	f.mu.Lock()
	spent := f.retries >= f.limits.Retries
	if !spent {
		f.retries++
		f.report.Retries++
	}
	f.mu.Unlock()
	if spent {
		return fmt.Errorf("%w, the last: %w", errRetries, err)
	}
	timer := time.NewTimer(f.backoff(attempt, err))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff doubles with every attempt, with some jitter, so that a thousand
// hosts do not come back at once; what the server asks for is honoured within
// bounds.
func (f *fetcher) backoff(attempt int, err error) time.Duration {
	d := f.limits.Backoff << min(max(attempt-1, 0), 16)
	var status *StatusError
	if errors.As(err, &status) {
		d = max(d, status.After)
	}
	d = min(d, f.limits.MaxBackoff)
	return d/2 + rand.N(d/2+1)
}

func (f *fetcher) rangesBad() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.noRanges
}

func (f *fetcher) setRangesBad() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noRanges = true
}
