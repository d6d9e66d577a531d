package config

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// Keys that generators make values for.
const (
	hostnameKey = "network.hostname"
	seedKey     = "updates.seed"
)

// leases is where systemd-networkd keeps what DHCP told it.
const leases = "/run/systemd/netif/leases"

// waves is how many places there are in the waves of an update.
const waves = 2048

// Generated are values that the host works out for itself. They are kept in the
// store with the source "generator", so that they are worked out once.
type Generated struct {
	Strong settings.Values // stay until somebody changes them
	Weak   settings.Values // give way to anything better, and to an update
}

// A generator works out what nobody has set.
type generator struct {
	root     string
	schema   *settings.Schema
	metadata settings.Values // of the machine, may be nil
	random   io.Reader
}

// generate works out values for the keys that state lacks or has a weak value
// of a generator for. The host's name is, in this order: what the machine's
// metadata say, what DHCP says, a name made of the machine ID.
func (g generator) generate(state store.State) (Generated, error) {
	out := Generated{Strong: settings.Values{}, Weak: settings.Values{}}
	if open(state, hostnameKey) {
		switch name, ok := g.knownName(); {
		case ok:
			out.Strong[hostnameKey] = name
		case !has(state, hostnameKey):
			name, err := g.madeUpName()
			if err != nil {
				return out, err
			}
			out.Weak[hostnameKey] = name
		}
	}
	if open(state, seedKey) {
		seed, err := g.seed()
		if err != nil {
			return out, err
		}
		out.Strong[seedKey] = seed
	}
	for key := range out.Strong {
		if string(state[key].Value) == string(out.Strong[key]) && !state[key].Weak {
			delete(out.Strong, key)
		}
	}
	return out, nil
}

// open tells whether a generator may set a key.
func open(state store.State, key string) bool {
	e, ok := state[key]
	return !ok || e.Source == store.SourceDefault || (e.Source == store.SourceGenerator && e.Weak)
}

func has(state store.State, key string) bool {
	_, ok := state[key]
	return ok
}

// knownName asks those who know the host's name.
func (g generator) knownName() (json.RawMessage, bool) {
	if v, ok := g.metadata[hostnameKey]; ok {
		return v, true
	}
	for _, name := range leaseNames(filepath.Join(g.root, leases)) {
		v, err := g.schema.Flatten(map[string]any{"network": map[string]any{"hostname": strings.ToLower(name)}})
		if err == nil && v[hostnameKey] != nil {
			return v[hostnameKey], true
		}
	}
	return nil, false
}

// leaseNames returns the host names in networkd's leases (files of NAME=VALUE
// lines), in the order of the interfaces' numbers.
func leaseNames(dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil
	}
	slices.SortFunc(files, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b) // numbers without leading zeros
		}
		return strings.Compare(a, b)
	})
	var names []string
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "HOSTNAME="); ok && name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

// madeUpName is a name that stays with the machine and does not tell its ID.
func (g generator) madeUpName() (json.RawMessage, error) {
	id, err := os.ReadFile(filepath.Join(g.root, "/etc/machine-id"))
	if err != nil {
		return nil, fmt.Errorf("making up a host name: %w", err)
	}
	sum := sha256.Sum256(append([]byte("slipway host name\n"), bytes.TrimSpace(id)...))
	return json.Marshal("slipway-" + hex.EncodeToString(sum[:4]))
}

func (g generator) seed() (json.RawMessage, error) {
	var b [2]byte
	if _, err := io.ReadFull(g.random, b[:]); err != nil {
		return nil, fmt.Errorf("drawing a place in the waves: %w", err)
	}
	return json.Marshal(binary.LittleEndian.Uint16(b[:]) % waves)
}

// generate lets the generators work at boot.
func (b *boot) generate() {
	state := store.State{}
	if b.store != nil {
		state = b.store.Live()
	}
	for key, value := range b.overlay { // set, though not stored
		state[key] = store.Entry{Value: value, Source: store.SourceUserData}
	}
	g := generator{root: b.Root, schema: b.schema, metadata: b.metadata, random: b.Random}
	made, err := g.generate(state)
	if err != nil {
		b.report.fail(err)
	}
	b.keep(made.Strong, store.SourceGenerator, false)
	b.keep(made.Weak, store.SourceGenerator, true)
}
