package evidence

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// A Timeline is what happened when. Its methods may be called from any
// goroutine.
type Timeline struct {
	mu      sync.Mutex
	entries []entry
}

type entry struct {
	when time.Time
	what string
}

// Add notes what happens now.
func (t *Timeline) Add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, entry{time.Now(), fmt.Sprintf(format, args...)})
}

// String has a line for each entry: the time of day, the seconds since the
// first entry, and what happened.
func (t *Timeline) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, e := range t.entries {
		fmt.Fprintf(&b, "%s %9.3f  %s\n", e.when.UTC().Format("15:04:05.000"), e.when.Sub(t.entries[0].when).Seconds(), e.what)
	}
	return b.String()
}

// Last returns the last entry, for messages.
func (t *Timeline) Last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) == 0 {
		return "nothing has happened"
	}
	e := t.entries[len(t.entries)-1]
	return fmt.Sprintf("%s (%.1f s ago)", e.what, time.Since(e.when).Seconds())
}
