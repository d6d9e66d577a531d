package qemu

import (
	"context"
	"fmt"
	"time"
)

// balloonID is the balloon's name in QEMU's object tree.
const balloonID = "balloon"

// Memory is a guest's use of memory by its own account, in bytes.
type Memory struct {
	Total     uint64 `json:"stat-total-memory"`
	Free      uint64 `json:"stat-free-memory"`
	Available uint64 `json:"stat-available-memory"` // free or can be made so, see proc_meminfo(5)
	Caches    uint64 `json:"stat-disk-caches"`
}

// Used is what free(1) calls used.
func (m Memory) Used() uint64 { return m.Total - m.Available }

// Memory asks the guest, which answers within a few seconds. The machine needs
// Config.MemoryStats.
func (m *Monitor) Memory(ctx context.Context) (Memory, error) {
	balloon := map[string]any{"path": "/machine/peripheral/" + balloonID, "property": "guest-stats-polling-interval", "value": 1}
	if err := m.Do(ctx, "qom-set", balloon, nil); err != nil {
		return Memory{}, fmt.Errorf("asking for memory statistics: %w", err)
	}
	began := time.Now().Unix()
	query := map[string]any{"path": balloon["path"], "property": "guest-stats"}
	for {
		var answer struct {
			Stats  Memory
			Update int64 `json:"last-update"` // seconds since the epoch, 0 before the first
		}
		if err := m.Do(ctx, "qom-get", query, &answer); err != nil {
			return Memory{}, fmt.Errorf("asking for memory statistics: %w", err)
		}
		if answer.Update >= began && answer.Stats.Available <= answer.Stats.Total && answer.Stats.Total > 0 {
			return answer.Stats, nil
		}
		select {
		case <-ctx.Done():
			return Memory{}, fmt.Errorf("waiting for memory statistics: %w", context.Cause(ctx))
		case <-time.After(200 * time.Millisecond): // there is no event for them
		}
	}
}
