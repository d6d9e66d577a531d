// Package intent is the record of what this host is meant to boot: what was
// staged, how its trial went, and which versions failed here. It lies in STATE
// in two copies, so that a power cut leaves the old record or the new one.
package intent

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// A Phase is how far a change of version is.
type Phase string

// Phases. Preparing, Staged, Active and Returning are under way, the others
// are how it ended.
const (
	Preparing  Phase = "preparing"   // the other slot may be written
	Staged     Phase = "staged"      // the boot entry is there, under a name that is not booted
	Active     Phase = "active"      // the boot entry is on trial
	Returning  Phase = "returning"   // rollback by command, until the other slot runs
	Committed  Phase = "committed"   // the new version proved good
	Failed     Phase = "failed"      // the trial did not end well
	Cancelled  Phase = "cancelled"   // somebody gave it up before
	RolledBack Phase = "rolled-back" // the other slot runs again by command
)

// A Version is one image in one slot.
type Version struct {
	Version  string `json:"version"`
	RootHash string `json:"root_hash"` // hex
	Slot     string `json:"slot"`      // A or B
}

// An Intent is one change of version.
type Intent struct {
	To     Version   `json:"to"`
	From   Version   `json:"from"`   // what ran then, and is fallen back to
	Source string    `json:"source"` // where it came from, for people
	Entry  string    `json:"entry"`  // ID of the boot entry, "" before Staged
	Phase  Phase     `json:"phase"`
	Began  time.Time `json:"began"`
	Tries  int       `json:"tries"` // boots that the trial is given
	// OneShot says that the loader would prefer From by itself, so that each
	// try has to be asked for.
	OneShot bool `json:"one_shot"`
	// Asked counts how often a try was asked for after one that failed.
	Asked int `json:"asked"`
	// Boots are the boot IDs of the trial's boots that came as far as STATE.
	Boots []string `json:"boots"`
	// LastError is what the trial itself said was wrong, and in which boot.
	LastError     string    `json:"last_error"`
	LastErrorBoot string    `json:"last_error_boot"`
	Ended         time.Time `json:"ended"`
	Reason        string    `json:"reason"` // of the end, for people
}

// A Failure is a version that failed here and is not taken again until it is
// forgotten.
type Failure struct {
	Version  string    `json:"version"`
	RootHash string    `json:"root_hash"`
	Reason   string    `json:"reason"`
	When     time.Time `json:"when"`
	// Lost counts trials that ended because the file system lost the boot
	// entry, of which the version is innocent; 0 for all other failures.
	Lost int `json:"lost"`
}

// A Record is all that is remembered.
type Record struct {
	Intent *Intent   `json:"intent"` // the last one; nil on a new host
	Failed []Failure `json:"failed"` // the oldest first
	// Preferred is the version that was committed last, Returns how often in a
	// row the other slot booted in its place and gave way to it.
	Preferred Version `json:"preferred"`
	Returns   int     `json:"returns"`
}

// Bounds of a record.
const (
	MaxFailed   = 16
	maxBoots    = 9
	maxText     = 1024
	maxLost     = 3 // after which an entry that is always lost counts as failed
	maxTries    = 9 // one digit in a file name
	maxFileSize = 192 << 10
)

// UnderWay says whether the change has neither succeeded nor ended.
func (i *Intent) UnderWay() bool {
	return i != nil && slices.Contains([]Phase{Preparing, Staged, Active, Returning}, i.Phase)
}

// End ends the change.
func (i *Intent) End(p Phase, reason string, now time.Time) {
	i.Phase, i.Reason, i.Ended = p, Clip(reason), now.UTC()
}

// AddBoot notes that the trial booted.
func (i *Intent) AddBoot(id string) {
	if !slices.Contains(i.Boots, id) && len(i.Boots) < maxBoots {
		i.Boots = append(i.Boots, id)
	}
}

// Clip shortens a text to what a record takes.
func Clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return string([]rune(s[:maxText-4])) + " ..."
}

// Refused is the failure for which a root hash is not to be tried again, nil
// if there is none.
func (r *Record) Refused(rootHash string) *Failure {
	for i, f := range r.Failed {
		if f.RootHash == rootHash && (f.Lost == 0 || f.Lost >= maxLost) {
			return &r.Failed[i]
		}
	}
	return nil
}

// Fail remembers that a version failed. Of many, the oldest are forgotten.
func (r *Record) Fail(v Version, reason string, lost bool, now time.Time) {
	f := Failure{Version: v.Version, RootHash: v.RootHash, Reason: Clip(reason), When: now.UTC()}
	at := slices.IndexFunc(r.Failed, func(o Failure) bool { return o.RootHash == v.RootHash })
	if at >= 0 {
		f.Lost = r.Failed[at].Lost
		r.Failed = slices.Delete(r.Failed, at, at+1)
	}
	if lost {
		f.Lost++
	} else {
		f.Lost = 0
	}
	r.Failed = append(r.Failed, f)
	r.Failed = r.Failed[max(0, len(r.Failed)-MaxFailed):]
}

// Forget lets a version be tried again, by version or root hash, or all by "".
// It says how many were forgotten.
func (r *Record) Forget(which string) int {
	before := len(r.Failed)
	r.Failed = slices.DeleteFunc(r.Failed, func(f Failure) bool {
		return which == "" || f.Version == which || f.RootHash == which
	})
	return before - len(r.Failed)
}

var (
	hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)
	phases  = []Phase{Preparing, Staged, Active, Returning, Committed, Failed, Cancelled, RolledBack}
)

// Check says what of a version cannot be.
func (v Version) Check() error {
	switch {
	case v.Version == "" || len(v.Version) > 128:
		return fmt.Errorf("version %q is empty or too long", v.Version)
	case !hexHash.MatchString(v.RootHash):
		return fmt.Errorf("root hash %q is not 64 hexadecimal digits", v.RootHash)
	case v.Slot != "A" && v.Slot != "B":
		return fmt.Errorf("slot %q is neither A nor B", v.Slot)
	}
	return nil
}

func (i *Intent) check() error {
	if err := errors.Join(i.To.Check(), i.From.Check()); err != nil {
		return err
	}
	switch {
	case !slices.Contains(phases, i.Phase):
		return fmt.Errorf("phase %q is none", i.Phase)
	case i.Tries < 1 || i.Tries > maxTries || i.Asked < 0:
		return fmt.Errorf("%d tries, %d asked for", i.Tries, i.Asked)
	case i.To.Slot == i.From.Slot:
		return fmt.Errorf("slot %s is to be changed from itself", i.To.Slot)
	case len(i.Boots) > maxBoots:
		return fmt.Errorf("%d boots of one trial", len(i.Boots))
	}
	return nil
}

// check says what of a record cannot be, whatever its checksum says.
func (r *Record) check() error {
	var errs []error
	if r.Intent != nil {
		errs = append(errs, r.Intent.check())
	}
	if len(r.Failed) > MaxFailed {
		errs = append(errs, fmt.Errorf("%d failed versions", len(r.Failed)))
	}
	for _, f := range r.Failed {
		if f.Lost < 0 || !hexHash.MatchString(f.RootHash) {
			errs = append(errs, fmt.Errorf("failed version %q with root hash %q", f.Version, f.RootHash))
		}
	}
	if r.Preferred != (Version{}) {
		errs = append(errs, r.Preferred.Check())
	}
	if r.Returns < 0 {
		errs = append(errs, fmt.Errorf("%d returns", r.Returns))
	}
	return errors.Join(errs...)
}
