// Package metadataboot takes in user data from an EC2-style metadata service
// once: it runs when the network is up, and hands the settings to the API, which
// checks them like anyone's.
//
// Nothing in it fails a boot. What goes wrong is told on the console and in
// Outcome, which is for health.
package metadataboot

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata"
	"github.com/slipway-os/slipway/runtime/userdata/imds"
)

const (
	// Marker says that this machine's metadata have been taken in: a file on
	// STATE. Without it the next boot asks again.
	Marker = "/var/lib/slipway/metadata-taken"
	// Outcome is where this boot's result is: an api.Check as JSON. It is there
	// only if the metadata service was asked.
	Outcome = "/run/slipway/metadata.json"
)

const usage = `Usage: metadata-boot [--url URL] [--timeout DURATION]

Takes in user data and host name from an EC2-style metadata service (IMDSv2),
if this machine looks as if it had one and has not taken them in before.

  --url URL            ask this service in any case
  --timeout DURATION   give up reading after so long (default 2m)
`

// Main is the metadata-boot command.
func Main(args []string, _, stderr io.Writer) error {
	flags := flag.NewFlagSet("metadata-boot", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	url := flags.String("url", "", "")
	timeout := flags.Duration("timeout", 2*time.Minute, "")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", multicall.ErrUsage, err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, flags.Args())
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	h := host.New()
	b := boot{
		root: h.Root, schema: schemaOf(h), console: console.Open(stderr), log: stderr,
		socket: api.Socket, timeout: *timeout,
	}
	return b.run(ctx, *url)
}

// schemaOf is the schema of the host's variant; one that cannot be told has the
// base groups.
func schemaOf(h host.Host) *settings.Schema {
	release, err := h.Release()
	if err != nil {
		return settings.Base()
	}
	return settings.ForVariant(release.VariantID)
}

// A boot is one run of the command.
type boot struct {
	root         string
	schema       *settings.Schema
	console, log io.Writer
	socket       string
	timeout      time.Duration   // for reading the metadata
	getter       userdata.Getter // for tests; nil asks the URL
}

// run asks the service unless there is none or it has been asked. The error is
// that the outcome cannot be written.
func (b boot) run(ctx context.Context, url string) error {
	h := userdata.Host{Root: b.root}
	if url == "" {
		found, ok := h.MetadataURL()
		if !ok {
			fmt.Fprintln(b.log, "this machine does not look as if it had a metadata service")
			return nil
		}
		url = found
	}
	if _, err := os.Stat(b.path(Marker)); err == nil {
		fmt.Fprintln(b.log, "the metadata were taken in before")
		return nil
	}
	getter := b.getter
	if getter == nil {
		getter = &imds.Client{Base: url}
	}
	return b.report(b.take(ctx, h, getter))
}

// take reads the metadata and gives them to the API. The warnings tell what was
// passed over.
func (b boot) take(ctx context.Context, h userdata.Host, getter userdata.Getter) (warnings []string, err error) {
	reading, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	r := userdata.GatherMetadata(reading, getter, h, b.schema)
	if r.Err != nil && len(r.Generated) == 0 {
		return r.Warnings, r.Err
	}
	generated := r.Generated
	for key := range userdata.Gather(reading, h, b.schema).Values {
		delete(generated, key) // somebody chose it
	}
	for key := range r.Values {
		delete(generated, key)
	}
	err = b.commit(ctx, generated, r.Values)
	if r.Err != nil {
		return r.Warnings, r.Err // the host name is the lesser matter
	}
	// User data that are wrong or do not exist may be there at the next boot.
	if err == nil && len(r.Sources) > 0 {
		err = b.mark()
	}
	return r.Warnings, err
}

// mark leaves the marker on STATE, whole and durable.
func (b boot) mark() error {
	if err := renameio.WriteFile(b.path(Marker), []byte("taken in\n"), 0o644); err != nil {
		return fmt.Errorf("noting that the metadata were taken in: %w", err)
	}
	return nil
}

// report tells console and health what became of the metadata.
func (b boot) report(warnings []string, err error) error {
	check := api.Check{Name: "metadata", OK: err == nil}
	for _, w := range warnings {
		fmt.Fprintln(b.log, w)
		console.Printf(b.console, "user data: %s", w)
	}
	check.Message = oneLine(warnings)
	if err != nil {
		check.Message = mistakesFirst(err)
		fmt.Fprintln(b.log, check.Message)
		console.Printf(b.console, "user data is not used: %s", check.Message)
	}
	doc, err := json.Marshal(check)
	if err != nil {
		return fmt.Errorf("encoding the outcome: %w", err)
	}
	path := b.path(Outcome)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("writing the outcome: %w", err)
	}
	if err := renameio.WriteFile(path, append(doc, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the outcome: %w", err)
	}
	return nil
}

// mistakesFirst is an error on one line that begins with line and key, where
// people and tests look for them; the source comes behind.
func mistakesFirst(err error) string {
	var bad *userdata.SourceError
	if !errors.As(err, &bad) {
		return oneLine([]string{err.Error()})
	}
	return fmt.Sprintf("%s (%s)", oneLine([]string{bad.Err.Error()}), bad.Source)
}

func (b boot) path(p string) string { return filepath.Join(b.root, p) }
