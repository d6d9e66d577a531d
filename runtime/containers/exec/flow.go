package exec

import (
	"context"
	"sync"
)

// credit holds a sender back until the receiver has written enough of what was
// sent before.
type credit struct {
	mu      sync.Mutex
	allowed uint64 // messages that may have been sent in all
	sent    uint64
	changed chan struct{} // closed by the next change
}

func newCredit() *credit { return &credit{changed: make(chan struct{})} }

// grant takes in what the receiver says. Numbers that overflow grant nothing.
func (c *credit) grant(now capacity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	allowed := now.Written + now.MaxOutstanding
	if allowed < now.Written || allowed <= c.allowed {
		return
	}
	c.allowed = allowed
	close(c.changed)
	c.changed = make(chan struct{})
}

// take waits until one more message may be sent, and counts it.
func (c *credit) take(ctx context.Context) error {
	for {
		c.mu.Lock()
		if c.sent < c.allowed {
			c.sent++
			c.mu.Unlock()
			return nil
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
