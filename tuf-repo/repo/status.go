package repo

import (
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// RoleStatus is what is published of a role.
type RoleStatus struct {
	Role      string    `json:"role"`
	Version   int64     `json:"version"`
	Expires   time.Time `json:"expires"`
	Left      string    `json:"left"` // "expired", or how long it holds
	Soon      bool      `json:"soon"` // expires within the limit
	Threshold int       `json:"threshold"`
	Keys      []Key     `json:"keys"`
}

// Key is a key of a role.
type Key struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"` // of its file, where it is known
	AtHand bool   `json:"at_hand"`
}

// Status is what an operator wants to know of a repository.
type Status struct {
	Trial    bool           `json:"trial"`
	Roles    []RoleStatus   `json:"roles"`
	Images   map[string]int `json:"images"` // published, by channel
	Staged   int            `json:"staged"`
	Pending  string         `json:"pending,omitempty"` // role whose change waits
	Expiring bool           `json:"expiring"`
}

// Status reports versions, keys and expiry; what expires within the limit is
// marked.
func (r *Repository) Status(limit time.Duration) (*Status, error) {
	s, err := r.Load()
	if err != nil {
		return nil, err
	}
	status := &Status{Trial: IsTrial(s.Root), Images: map[string]int{}}
	add := func(role string, version int64, expires time.Time, by signers) {
		row := r.roleStatus(role, version, expires, by, limit)
		status.Roles = append(status.Roles, row)
		status.Expiring = status.Expiring || row.Soon
	}
	add(metadata.ROOT, s.Root.Signed.Version, s.Root.Signed.Expires, s.rootRole(metadata.ROOT))
	add(metadata.TARGETS, s.Targets.Signed.Version, s.Targets.Signed.Expires, s.rootRole(metadata.TARGETS))
	for _, name := range s.ChannelNames() {
		c, d := s.Channels[name], s.delegation(name)
		add(name, c.Meta.Signed.Version, c.Meta.Signed.Expires, signers{d.KeyIDs, d.Threshold})
		status.Images[name] = len(c.Manifest.Images)
	}
	add(metadata.SNAPSHOT, s.Snapshot.Signed.Version, s.Snapshot.Signed.Expires, s.rootRole(metadata.SNAPSHOT))
	add(metadata.TIMESTAMP, s.Timestamp.Signed.Version, s.Timestamp.Signed.Expires, s.rootRole(metadata.TIMESTAMP))
	staged, err := r.Staged("")
	if err != nil {
		return nil, err
	}
	status.Staged = len(staged)
	pending, err := r.Pending()
	if err != nil {
		return nil, err
	}
	if pending != nil {
		status.Pending = pending.Role
	}
	return status, nil
}

func (r *Repository) roleStatus(role string, version int64, expires time.Time, by signers, limit time.Duration) RoleStatus {
	left := expires.Sub(r.Now())
	row := RoleStatus{Role: role, Version: version, Expires: expires, Left: roughly(left), Soon: left <= limit, Threshold: by.threshold}
	for _, id := range by.keys {
		row.Keys = append(row.Keys, Key{ID: id, Name: r.Ring.Name(id), AtHand: r.Ring.Has(id)})
	}
	return row
}

// roughly rounds down to what a person looks at: days, or hours and minutes.
func roughly(left time.Duration) string {
	switch {
	case left <= 0:
		return "expired"
	case left >= 2*day:
		return FormatAge(left.Truncate(day))
	}
	return left.Truncate(time.Minute).String()
}
