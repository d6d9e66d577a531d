package repotest

import "time"

// Fault is something wrong with a repository or its server.
type Fault func(*faults)

// faults is what was ordered.
type faults struct {
	expired, wrongKey, underThreshold, rolledBack map[string]bool
	frozen, mixed                                 bool
	endless, truncated, corrupted                 string // targets or metadata whose path contains it
	slow                                          time.Duration
	slowPath                                      string
	ignoreRanges, wrongRanges                     bool
	redirect                                      string
	unavailable                                   int
}

// needPast reports whether a fault serves what was published earlier.
func (f *faults) needPast() bool { return len(f.rolledBack) > 0 || f.mixed }

// serverOnly reports whether nothing has to be signed anew: what is ordered is
// in how files are served, or an old publication is.
func (f *faults) serverOnly() bool {
	signed := len(f.expired) + len(f.wrongKey) + len(f.underThreshold) + len(f.rolledBack)
	return f.frozen || f.mixed || f.rolledBack["timestamp"] || signed == 0 && f.served()
}

// served reports whether a fault in how files are served was ordered.
func (f *faults) served() bool {
	return f.endless+f.truncated+f.corrupted+f.slowPath+f.redirect != "" || f.ignoreRanges || f.wrongRanges || f.unavailable > 0
}

func mark(m *map[string]bool, role string) {
	if *m == nil {
		*m = map[string]bool{}
	}
	(*m)[role] = true
}

// Expired metadata of a role ("root", "timestamp", a channel …): it ended an
// hour ago.
func Expired(role string) Fault { return func(f *faults) { mark(&f.expired, role) } }

// WrongKey signs a role by a key that nobody trusts.
func WrongKey(role string) Fault { return func(f *faults) { mark(&f.wrongKey, role) } }

// ThresholdNotMet wants two signatures of a role, of which one is there.
func ThresholdNotMet(role string) Fault { return func(f *faults) { mark(&f.underThreshold, role) } }

// RolledBack makes a role's metadata an older one, truly signed, as an
// attacker does who has the keys of the roles above it (for "snapshot" that of
// timestamp; for "targets" and the channel those of timestamp and snapshot;
// for "timestamp" none). Order it after the client has seen two publications.
func RolledBack(role string) Fault { return func(f *faults) { mark(&f.rolledBack, role) } }

// Frozen serves what is published now for ever, whatever is published later:
// a client must notice when its clock reaches Expires.
func Frozen() Fault { return func(f *faults) { f.frozen = true } }

// Mixed serves the channel's metadata of the publication before under the
// name of the newest: parts of two snapshots. Order it after two publications.
func Mixed() Fault { return func(f *faults) { f.mixed = true } }

// EndlessData never ends the answer for files whose path contains a text
// ("timestamp.json", "root.erofs" …).
func EndlessData(path string) Fault { return func(f *faults) { f.endless = path } }

// SlowTrickle sends files whose path contains a text a byte at a time, with a
// pause after each.
func SlowTrickle(path string, pause time.Duration) Fault {
	return func(f *faults) { f.slowPath, f.slow = path, pause }
}

// IgnoringRanges answers requests for ranges with 200 and the whole file.
func IgnoringRanges() Fault { return func(f *faults) { f.ignoreRanges = true } }

// WrongRanges answers requests for ranges with 206 and other bytes: those of
// 4096 bytes later, under the range that was asked for.
func WrongRanges() Fault { return func(f *faults) { f.wrongRanges = true } }

// Truncated ends files whose path contains a text in the middle, as a broken
// connection does.
func Truncated(path string) Fault { return func(f *faults) { f.truncated = path } }

// Corrupted flips one bit in the middle of files whose path contains a text.
func Corrupted(path string) Fault { return func(f *faults) { f.corrupted = path } }

// RedirectTo sends all requests for targets elsewhere (an URL with a host).
func RedirectTo(url string) Fault { return func(f *faults) { f.redirect = url } }

// Unavailable answers the next n requests with 503.
func Unavailable(n int) Fault { return func(f *faults) { f.unavailable = n } }
