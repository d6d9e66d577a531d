package download

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// progressEvery is the time between two lines of progress.
const progressEvery = 3 * time.Second

// FetchAll brings all files into dir under their Output names, jobs of them at
// once, and writes a line of progress every few seconds. It goes on after a
// failure, so that the error names every file that cannot be had.
func (c *Client) FetchAll(ctx context.Context, files []File, dir string, jobs int, progress io.Writer) error {
	run := &batch{client: c, dir: dir, total: len(files), progress: progress}
	stop := run.report()
	defer stop()
	queue := make(chan File)
	var workers sync.WaitGroup
	for range jobs {
		workers.Go(func() {
			for f := range queue {
				run.fetch(ctx, f)
			}
		})
	}
	for _, f := range files {
		queue <- f
	}
	close(queue)
	workers.Wait()
	return errors.Join(run.errs...)
}

// batch is the state of one FetchAll.
type batch struct {
	client   *Client
	dir      string
	total    int
	progress io.Writer
	done     atomic.Int64

	mu   sync.Mutex
	last string // name of the file that was begun last
	errs []error
}

// fetch brings one file; after a cancellation it does nothing.
func (b *batch) fetch(ctx context.Context, f File) {
	if ctx.Err() != nil {
		b.fail(context.Cause(ctx))
		return
	}
	b.mu.Lock()
	b.last = f.Output
	b.mu.Unlock()
	cached, err := b.client.Fetch(ctx, f)
	if err == nil {
		err = Place(cached, filepath.Join(b.dir, f.Output))
	}
	if err != nil {
		b.fail(err)
		return
	}
	b.done.Add(1)
}

// fail notes an error; a cancellation is noted once.
func (b *batch) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(err, context.Canceled) && len(b.errs) > 0 {
		return
	}
	b.errs = append(b.errs, err)
}

// report writes progress until the returned function is called.
func (b *batch) report() (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				b.mu.Lock()
				last := b.last
				b.mu.Unlock()
				b.line("fetching %s", last)
			case <-quit:
				if time.Since(began) > progressEvery {
					b.line("done")
				}
				return
			}
		}
	}()
	return func() { close(quit); <-ended }
}

// line writes "N of M files, X MB fetched: …".
func (b *batch) line(format string, args ...any) {
	fmt.Fprintf(b.progress, "%d of %d files, %d MB fetched: %s\n", b.done.Load(), b.total,
		b.client.Received()/1e6, fmt.Sprintf(format, args...))
}
