package update

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/verity"
	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/runtime/update/slot"
)

// maxStarts is how often one prepare is begun anew after the updater died of
// it, or with it.
const maxStarts = 8

// Prepare begins to write the chosen version into the other slot; the status
// says how far it is.
func (u *Updater) Prepare() error {
	u.mu.Lock()
	u.state.Declined = "" // whoever asks for it wants it
	u.mu.Unlock()
	return u.prepareChosen()
}

func (u *Updater) prepareChosen() error {
	ctx, r, err := u.begin(api.UpdatePrepare)
	if err != nil {
		return err
	}
	t, err := u.mayPrepare()
	if err == nil {
		err = u.change(func(s *state) { s.Job = &job{target: *t, Starts: 1} })
	}
	if err != nil {
		u.drop(r)
		return err
	}
	go u.work(ctx, r, *t)
	return nil
}

// resume goes on with the prepare that the last updater was at.
func (u *Updater) resume() error {
	ctx, r, err := u.begin(api.UpdatePrepare)
	if err != nil {
		return err
	}
	j := u.state.Job
	if j.Starts >= maxStarts {
		return u.finish(r, fmt.Errorf("the updater ended %d times while it prepared version %s", j.Starts, j.Version))
	}
	if err := u.change(func(s *state) { s.Job.Starts++ }); err != nil {
		u.drop(r)
		return err
	}
	go u.work(ctx, r, j.target)
	return nil
}

func (u *Updater) work(ctx context.Context, r *running, t target) {
	_ = u.finish(r, cause(ctx, u.prepare(ctx, t))) // finish records it
}

// drop ends a command that was refused before it began.
func (u *Updater) drop(r *running) {
	u.mu.Lock()
	defer u.mu.Unlock()
	r.cancel(nil)
	u.running = nil
	close(r.done)
}

// mayPrepare says which version would be prepared.
func (u *Updater) mayPrepare() (*target, error) {
	b, err := u.inspect(0)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case b.State == "trial":
		return nil, fmt.Errorf("%w: %w", ErrState, bootstate.ErrOnTrial)
	case leaving(b):
		return nil, fmt.Errorf("%w: version %s is what boots next; deactivate it first", ErrState, b.Intent.To.Version)
	case u.state.Chosen == nil && u.state.Checked == nil:
		return nil, fmt.Errorf("%w: the repository was not looked at yet; refresh first", ErrNoUpdate)
	case u.state.Chosen == nil:
		return nil, fmt.Errorf("%w for this host", ErrNoUpdate)
	}
	t := *u.state.Chosen
	return &t, nil
}

// prepare brings a version into the other slot. Until boot.Prepare nothing but
// STATE is written.
func (u *Updater) prepare(ctx context.Context, t target) error {
	b, err := u.inspect(0)
	if err != nil {
		return err
	}
	if phase(b) == intent.Staged && b.Intent.To.RootHash == t.RootHash && u.holds(t) == nil {
		return u.forgetFiles() // the last updater ended just then
	}
	u.step(t, api.StepMetadata)
	p, err := u.plan(ctx, t)
	if err != nil {
		return err
	}
	disk, err := u.Disk()
	if err != nil {
		return err
	}
	defer disk.Close()
	slots, err := u.fits(disk, p)
	if err != nil {
		return err
	}
	u.step(t, api.StepFiles)
	uki, err := u.bootImage(ctx, p)
	if err != nil {
		return err
	}
	to := intent.Version{Version: t.Version, RootHash: t.RootHash, Slot: slots.Other.Name}
	if err := u.Boot.Prepare(bootstate.Update{Version: to, Source: p.source}); err != nil {
		return fmt.Errorf("opening slot %s: %w", to.Slot, err)
	}
	if err := u.fill(ctx, slots, p); err != nil {
		return err
	}
	u.step(t, api.StepBootEntry)
	if err := u.Boot.Stage(uki); err != nil {
		return fmt.Errorf("staging version %s: %w", t.Version, err)
	}
	return u.forgetFiles()
}

func (u *Updater) forgetFiles() error {
	if err := os.RemoveAll(u.path(filesDir)); err != nil {
		return fmt.Errorf("removing fetched files: %w", err)
	}
	return nil
}

// fits refuses, before a byte is written, what does not fit.
func (u *Updater) fits(disk Disk, p *plan) (*slot.Slots, error) {
	slots, err := u.slots(disk)
	if err != nil {
		return nil, err
	}
	if err := slots.Check(p.root); err != nil {
		return nil, fmt.Errorf("version %s cannot be taken: %w", p.target.Version, err)
	}
	room, err := u.Boot.Room()
	if err != nil {
		return nil, err
	}
	if p.uki.Size > room {
		return nil, fmt.Errorf("version %s cannot be taken: boot image does not fit: it needs %d bytes in ESP, which has room for %d",
			p.target.Version, p.uki.Size, room)
	}
	return slots, nil
}

func (u *Updater) slots(disk Disk) (*slot.Slots, error) {
	hash, err := verity.ParseRootHash(u.System.RootHash)
	if err != nil {
		return nil, fmt.Errorf("finding the slots: %w", err)
	}
	return slot.Find(disk, hash)
}

// fill writes the slot. Blocks are told by eight bytes of their hash: should
// the root hash be another one all the same, all are fetched anew.
func (u *Updater) fill(ctx context.Context, slots *slot.Slots, p *plan) error {
	locals, err := slots.Locals(ctx, p.index)
	if err != nil {
		return err
	}
	for {
		err := u.fillFrom(ctx, slots, p, locals)
		if !errors.Is(err, slot.ErrRootHash) || locals == nil {
			return err
		}
		u.Log.Warn("update", "version", p.target.Version, "error", err, "next", "the whole image is fetched")
		locals = nil
	}
}

func (u *Updater) fillFrom(ctx context.Context, slots *slot.Slots, p *plan, locals []fetch.Local) error {
	w, err := slots.Begin(p.root)
	if err != nil {
		return err
	}
	u.step(p.target, api.StepBlocks)
	report, err := fetch.Run(ctx, fetch.Job{
		Client: u.HTTP, Index: p.index, Frames: p.frames.url, Raw: p.raw, Locals: locals, Target: w.Root(),
		Limits: u.Limits, Progress: u.progress,
	})
	u.Log.Info("update", "version", p.target.Version, "fetched", report.Bytes, "requests", report.Requests, "copied", report.Copied,
		"in place", report.InPlace, "way", report.Way, "given up", report.Reasons)
	if err != nil {
		return err
	}
	u.step(p.target, api.StepReadingBack)
	_, err = w.Finish(ctx)
	return err
}

// holds says whether the other slot holds a version, by the partition table.
func (u *Updater) holds(t target) error {
	hash, err := verity.ParseRootHash(t.RootHash)
	if err != nil {
		return err
	}
	disk, err := u.Disk()
	if err != nil {
		return err
	}
	defer disk.Close()
	slots, err := u.slots(disk)
	if err != nil {
		return err
	}
	if !slots.Holds(cmdline.Root{Hash: hash}) {
		return fmt.Errorf("%w: slot %s does not hold version %s any more; prepare it again", ErrState, slots.Other.Name, t.Version)
	}
	return nil
}

// step notes how far a prepare is.
func (u *Updater) step(t target, step string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running == nil {
		return
	}
	next := api.UpdateProgress{Version: t.Version}
	if p := u.running.progress; p != nil {
		next = *p
	}
	next.Step = step
	u.running.progress = &next
}

func (u *Updater) progress(p fetch.Progress) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running == nil || u.running.progress == nil {
		return
	}
	next := *u.running.progress
	next.Blocks, next.BlocksDone, next.Bytes, next.BytesTotal = p.Blocks, p.Done, p.Bytes, p.Expected
	u.running.progress = &next
}
