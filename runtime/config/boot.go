package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"time"

	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/userdata"
)

// gatherTimeout bounds the search for user data: a disk that does not answer
// must not hold the boot up.
const gatherTimeout = 20 * time.Second

// A Host is the host that Boot brings settings into force on.
type Host struct {
	Root    string    // "/" but for tests
	Version string    // of the system that runs, as in VERSION_ID; "" to read it
	Variant string    // as in VARIANT_ID; read together with Version
	FS      store.FS  // nil: the host's
	Random  io.Reader // for generators
	Log     *slog.Logger
	Now     func() time.Time
}

// Boot opens the settings, takes user data in at the first boot, lets the
// generators work, writes all configuration files and tells the kernel. It does
// as much of it as it can: whatever fails is in the report, which is also left
// in ReportPath, and what could not be stored is in force until the next boot.
func Boot(ctx context.Context, h Host) Report {
	b := &boot{Host: h}
	b.identify()
	b.open()
	b.loadTemplates()
	b.takeUserData(ctx)
	b.generate()
	b.render()
	if err := (Kernel{Root: h.Root, Early: true}).Apply(); err != nil {
		b.report.Kernel = oneLine(err)
	}
	if b.store != nil {
		if err := b.store.Close(); err != nil {
			b.report.fail(err)
		}
	}
	b.report.Finished = h.Now().UTC()
	if err := b.report.Write(h.Root); err != nil {
		b.report.fail(err)
	}
	return b.report
}

// boot is what Boot knows so far.
type boot struct {
	Host
	schema    *settings.Schema
	templates *render.Set
	store     *store.Store // nil where it could not be opened
	overlay   settings.Values
	metadata  settings.Values // what user data's sources say of the machine
	report    Report
}

// identify finds out which system this is.
func (b *boot) identify() {
	if b.Version == "" {
		r, err := host.Host{Root: b.Root}.Release()
		if err != nil {
			b.report.fail(err)
		}
		b.Version, b.Variant = r.VersionID, r.VariantID
	}
	if b.Version == "" {
		b.Version = "0.0.0"
	}
	b.schema = settings.ForVariant(b.Variant)
	b.overlay = settings.Values{}
}

func (b *boot) open() {
	st, opened, err := OpenStore(b.Root, b.Version, b.schema, b.FS)
	if err != nil {
		b.report.Store.Error = oneLine(err)
		b.Log.Error("the settings cannot be read; defaults and user data hold", "error", err)
		return
	}
	b.store = st
	b.report.Store.FirstBoot = opened.FirstBoot
	b.report.Store.Recovered = opened.Recovered
	b.report.Store.From = opened.From
	if opened.Unsaved != nil {
		b.report.Store.Error = oneLine(opened.Unsaved)
	}
	if opened.Recovered != "" {
		b.Log.Warn("settings", "recovered", opened.Recovered)
	}
}

func (b *boot) loadTemplates() {
	set, err := LoadTemplates(b.Root)
	if err != nil {
		b.report.fail(err)
	}
	if set == nil {
		set = &render.Set{}
	}
	b.templates = set
}

// live is what is in force: what is stored, and over it what could not be.
func (b *boot) live() settings.Values {
	v := settings.Values{}
	if b.store != nil {
		v = b.store.Live().Values()
	} else {
		maps.Copy(v, b.schema.Defaults())
	}
	maps.Copy(v, b.overlay)
	return v
}

// with is what would be in force with more values.
func (b *boot) with(v settings.Values) settings.Values {
	all := b.live()
	maps.Copy(all, v)
	return all
}

// judge says whether the host could run with these values: the schema's rules
// hold and every template can be rendered.
func (b *boot) judge(v settings.Values) error {
	if err := b.schema.Check(v); err != nil {
		return err
	}
	return b.templates.Check(b.Root, nest(b.schema, v))
}

// keep stores values, or lets them hold for this boot where that fails, which
// the report then says.
func (b *boot) keep(v settings.Values, src store.Source, weak bool) (stored bool) {
	if len(v) == 0 {
		return true
	}
	err := errNoStore
	if b.store != nil {
		err = commit(b.store, v, src, weak)
	}
	if err == nil {
		return true
	}
	if b.store != nil {
		b.report.Store.Error = oneLine(err)
	}
	b.Log.Error("settings hold for this boot only", "source", src, "error", err)
	maps.Copy(b.overlay, v)
	return false
}

var errNoStore = errors.New("there is no store")

// transaction is the name of the transactions of this package.
const transaction = "slipway-config"

// commit puts values in force as one change.
func commit(st *store.Store, v settings.Values, src store.Source, weak bool) error {
	if err := st.Patch(transaction, v, src, weak); err != nil {
		return err
	}
	if _, err := st.Commit(transaction); err != nil {
		return errors.Join(err, st.Drop(transaction))
	}
	return nil
}

// render writes every configuration file.
func (b *boot) render() {
	result, err := b.templates.Render(b.Root, b.templates.All(), nest(b.schema, b.live()))
	b.Log.Info("configuration files", "written", len(result.Written), "removed", len(result.Removed))
	b.report.Templates = failures(err)
	for name, why := range b.report.Templates {
		b.Log.Error("configuration file", "template", name, "error", why)
	}
}

// failures maps the templates that an error of Render names to what it says.
func failures(err error) map[string]string {
	if err == nil {
		return nil
	}
	all := map[string]string{}
	for _, e := range flat(err) {
		name := ""
		var t *render.Error
		if errors.As(e, &t) {
			name = t.Template
		}
		if all[name] != "" {
			all[name] += "; "
		}
		all[name] += oneLine(e)
	}
	return all
}

// flat takes joined errors apart, at every level.
func flat(err error) []error {
	parts := leaves(err)
	if len(parts) == 1 && parts[0] == err {
		return parts
	}
	var all []error
	for _, p := range parts {
		all = append(all, flat(p)...)
	}
	return all
}

// gather looks for user data, for a bounded time.
func (b *boot) gather(ctx context.Context) userdata.Result {
	ctx, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	r := userdata.Gather(ctx, userdata.Host{Root: b.Root}, b.schema)
	if err := ctx.Err(); err != nil {
		r.Err = errors.Join(r.Err, fmt.Errorf("looking for user data: %w", err))
	}
	return r
}
