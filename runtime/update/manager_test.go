package update_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/update"
)

// The partition is mounted at one place: a second mount of it there would be
// refused.
func TestManagedOpensOnce(t *testing.T) {
	closed := errors.New("closed")
	var open atomic.Int32
	b := &update.Managed{Open: func() (*bootstate.Manager, func() error, error) {
		if n := open.Add(1); n > 1 {
			t.Errorf("it is open %d times", n)
		}
		time.Sleep(time.Millisecond)
		open.Add(-1)
		return nil, nil, closed
	}}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := b.Inspect(); !errors.Is(err, closed) {
				t.Errorf("Inspect: %v", err)
			}
		})
	}
	all.Wait()
}
