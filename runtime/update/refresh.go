package update

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// maxAvailable bounds the versions that a status lists.
const maxAvailable = 64

// Refresh begins to look for updates; the status says when it is done.
func (u *Updater) Refresh() error {
	ctx, r, err := u.begin(api.UpdateRefresh)
	if err != nil {
		return err
	}
	go func() { _ = u.finish(r, cause(ctx, u.refresh(ctx))) }() // finish records it
	return nil
}

// cause is the reason of an error that came of a command's end.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// refresh looks at the repository and chooses a version.
func (u *Updater) refresh(ctx context.Context) error {
	c, err := u.Settings(ctx)
	if err != nil {
		return err
	}
	r, err := u.look(ctx, c)
	if saved := u.noteChecked(ctx, err); err == nil {
		err = saved
	}
	if err != nil {
		return err
	}
	boot, err := u.inspect(0)
	if err != nil {
		return err
	}
	return u.choose(c, r.manifest, intent.Record{Failed: boot.Failed})
}

// noteChecked keeps how a look at the repository went, unless it was broken off.
func (u *Updater) noteChecked(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return u.change(func(s *state) {
		now := u.Now().UTC()
		checked := &api.UpdateChecked{Time: now, Good: now}
		if err != nil {
			checked.Good, checked.Error, checked.Offline = s.good(), oneLine(err), offline(err)
		}
		s.Checked = checked
	})
}

// choose picks the version that this host should go to.
func (u *Updater) choose(c Config, m *manifest.Manifest, failed intent.Record) error {
	sys := u.System
	refuse := func(version string) bool {
		i := m.Find(sys.Variant, sys.Arch, version)
		return i != nil && failed.Refused(i.RootHash) != nil
	}
	found, err := m.Candidate(sys.Variant, sys.Arch, sys.Version, c.Seed, u.now(),
		manifest.Options{IgnoreWaves: c.IgnoreWaves, Lock: c.Lock, Refuse: refuse})
	saved := u.change(func(s *state) {
		s.Available, s.Chosen, s.Held = u.versions(m), nil, nil
		if found.Image != nil {
			s.Chosen = u.targetOf(found.Image)
		}
		for _, h := range found.Held[:min(len(found.Held), maxHeld)] {
			s.Held = append(s.Held, api.UpdateHeld{
				Version: h.Image.Version, Reason: string(h.Reason), Until: h.Until, Message: h.String(),
			})
		}
	})
	if err != nil {
		return err
	}
	return saved
}

func (u *Updater) targetOf(i *manifest.Image) *target {
	return &target{UpdateImage: api.UpdateImage{Arch: i.Arch, Version: i.Version, Variant: i.Variant}, RootHash: i.RootHash}
}

// versions lists what the channel has for this host, the newest first.
func (u *Updater) versions(m *manifest.Manifest) []string {
	var all []string
	for _, i := range m.Images {
		if i.Variant == u.System.Variant && i.Arch == u.System.Arch && !i.Paused {
			all = append(all, i.Version)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return manifest.CompareVersions(b, a) })
	return all[:min(len(all), maxAvailable)]
}

// offered finds a version again, as it was chosen.
func (r *repository) offered(t target) (*manifest.Image, error) {
	i := r.manifest.Find(t.Variant, t.Arch, t.Version)
	switch {
	case i == nil:
		return nil, fmt.Errorf("%w: version %s is not in channel %q any more", ErrNoUpdate, t.Version, r.manifest.Channel)
	case i.Paused:
		return nil, fmt.Errorf("%w: version %s is paused by its publisher", ErrNoUpdate, t.Version)
	case i.RootHash != t.RootHash:
		return nil, fmt.Errorf("%w: version %s is another build now; refresh first", ErrNoUpdate, t.Version)
	}
	return i, nil
}
