// Package userdata reads the settings that the machine's owner hands to the
// host from outside. Nothing in it may ever stop a boot: what is wrong is
// returned with its source, line and key, and the other sources count.
//
// Gather reads the sources that need no network, GatherMetadata EC2's metadata
// service, and Parse one document for whoever has it already.
package userdata

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// MaxSize bounds user data, in bytes: as it comes, and what is packed in it
// once it is unpacked.
const MaxSize = 1 << 20

// A Host is where user data is looked for.
type Host struct {
	Root string // "/" but for tests

	open func(path string) (disk, error) // for tests; nil is openDisk
}

// A Result is what became of user data.
type Result struct {
	// Values are what the good sources say; later ones override earlier ones.
	Values settings.Values
	// Generated is what the machine's metadata say of it, the host name. It is
	// no user data: a generator's values are weaker.
	Generated settings.Values
	Sources   []string // that Values are from, in order
	Warnings  []string // each names its source
	// Err joins a *SourceError for each source whose values do not count.
	Err error
}

// A SourceError says why nothing of a source counts.
type SourceError struct {
	Source string
	Err    error // joins *settings.Problem values, or says why it cannot be read
}

// Error says "SOURCE: line 3: settings.ntp.time-servers: MESSAGE", with all of
// the mistakes on one line.
func (e *SourceError) Error() string {
	return e.Source + ": " + strings.ReplaceAll(e.Err.Error(), "\n", "; ")
}

// Unwrap returns the reason.
func (e *SourceError) Unwrap() error { return e.Err }

// A source is user data as it was found: the data, or why it cannot be read.
type source struct {
	name     string
	data     []byte
	hostname string // from the metadata beside it, "" if none is there
	err      error
}

// Gather reads all the sources on this machine, in this order, later ones
// overriding earlier ones setting by setting: the image's defaults, fw_cfg,
// SMBIOS, NoCloud disks, config drives, local overrides. A source with a mistake
// does not count at all.
//
// A disk that does not answer holds Gather up until ctx ends.
func Gather(ctx context.Context, h Host, s *settings.Schema) Result {
	r := Result{Generated: settings.Values{}}
	var docs []*document
	var errs []error
	for _, src := range h.sources(ctx) {
		doc, err := src.parse(s)
		r.Warnings = append(r.Warnings, doc.warnings...)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		maps.Copy(r.Generated, doc.generated)
		docs = append(docs, doc)
	}
	docs, refused := agree(docs, s)
	r.Values = settings.Values{}
	for _, doc := range docs {
		maps.Copy(r.Values, doc.values)
		if doc.found {
			r.Sources = append(r.Sources, doc.source)
		}
	}
	r.Err = errors.Join(append(errs, refused...)...)
	return r
}

// sources reads them all, in the order in which they count.
func (h Host) sources(ctx context.Context) []source {
	all := h.localDefaults()
	all = append(all, h.fwCfg()...)
	all = append(all, h.smbios()...)
	all = append(all, h.disks(ctx)...)
	return append(all, h.localOverrides()...)
}

// parse reads the source's document. It is never nil: there may be warnings
// beside an error, which is a *SourceError.
func (src source) parse(s *settings.Schema) (*document, error) {
	doc := &document{}
	err := src.err
	if err == nil {
		doc, err = parse(src.data, s)
	}
	doc.source, doc.found = src.name, len(src.data) > 0
	for i, w := range doc.warnings {
		doc.warnings[i] = src.name + ": " + w
	}
	doc.generate(src.hostname, s)
	if err != nil {
		return doc, &SourceError{Source: src.name, Err: err}
	}
	return doc, nil
}

// generate takes in the host name that the metadata beside user data give. One
// that cannot be a host name here is a warning.
func (d *document) generate(hostname string, s *settings.Schema) {
	if hostname == "" {
		return
	}
	v, err := s.Flatten(map[string]any{"network": map[string]any{"hostname": hostname}})
	if err != nil {
		d.warnings = append(d.warnings, fmt.Sprintf("%s: the host name in its metadata is not used: %s",
			d.source, strings.ReplaceAll(err.Error(), "\n", "; ")))
		return
	}
	d.generated = v
}

// agree returns the documents that fit together by the rules over several
// settings, which Parse cannot judge: one source may complete another. If all
// of them together break a rule, those count that do not add a breach to the
// ones before.
func agree(docs []*document, s *settings.Schema) (kept []*document, refused []error) {
	if err := check(s, docs...); err == nil || check(s) != nil {
		return docs, nil
	}
	for _, doc := range docs {
		tried := append(kept[:len(kept):len(kept)], doc)
		if err := check(s, tried...); err != nil {
			refused = append(refused, &SourceError{Source: doc.source, Err: doc.locate(err)})
			continue
		}
		kept = tried
	}
	return kept, refused
}

// check judges the defaults with the documents' values over them.
func check(s *settings.Schema, docs ...*document) error {
	all := settings.Values{}
	for _, doc := range docs {
		maps.Copy(all, doc.values)
	}
	return s.Check(s.WithDefaults(all))
}
