package repo

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// Types of metadata.
type (
	Root      = metadata.Metadata[metadata.RootType]
	Targets   = metadata.Metadata[metadata.TargetsType]
	Snapshot  = metadata.Metadata[metadata.SnapshotType]
	Timestamp = metadata.Metadata[metadata.TimestampType]
)

// State is what the repository publishes: each part is verified by the part
// above it, but may have expired.
type State struct {
	Root      *Root
	Timestamp *Timestamp
	Snapshot  *Snapshot
	Targets   *Targets
	Channels  map[string]*Channel
}

// Channel is a delegated role and its manifest.
type Channel struct {
	Meta     *Targets
	Manifest *manifest.Manifest
}

// ChannelNames lists the channels in the order of their delegations.
func (s *State) ChannelNames() []string {
	var names []string
	for _, d := range s.Targets.Signed.Delegations.Roles {
		names = append(names, d.Name)
	}
	return names
}

func (s *State) channel(name string) (*Channel, error) {
	c := s.Channels[name]
	if c == nil {
		return nil, fmt.Errorf("there is no channel %q (there are %s)", name, strings.Join(s.ChannelNames(), ", "))
	}
	return c, nil
}

// Delegation is the delegation of a channel, nil if there is none.
func (s *State) delegation(channel string) *metadata.DelegatedRole {
	roles := s.Targets.Signed.Delegations.Roles
	for n := range roles {
		if roles[n].Name == channel {
			return &roles[n]
		}
	}
	return nil
}

// Load reads and verifies what is published.
func (r *Repository) Load() (*State, error) {
	s, err := r.load()
	if err != nil {
		return nil, fmt.Errorf("reading repository %s: %w", r.Dir, err)
	}
	return s, nil
}

func (r *Repository) load() (*State, error) {
	s := &State{Channels: map[string]*Channel{}}
	var err error
	if s.Root, err = r.loadRoot(); err != nil {
		return nil, err
	}
	if s.Timestamp, err = read(r, metadata.Timestamp(), "timestamp.json", nil); err != nil {
		return nil, err
	}
	if err := s.Root.VerifyDelegate(metadata.TIMESTAMP, s.Timestamp); err != nil {
		return nil, fmt.Errorf("timestamp.json: %w", err)
	}
	meta := s.Timestamp.Signed.Meta["snapshot.json"]
	if s.Snapshot, err = read(r, metadata.Snapshot(), versioned(metadata.SNAPSHOT, meta), meta); err != nil {
		return nil, err
	}
	if err := s.Root.VerifyDelegate(metadata.SNAPSHOT, s.Snapshot); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if s.Targets, err = r.loadTargets(s, metadata.TARGETS); err != nil {
		return nil, err
	}
	if err := s.Root.VerifyDelegate(metadata.TARGETS, s.Targets); err != nil {
		return nil, fmt.Errorf("targets: %w", err)
	}
	if s.Targets.Signed.Delegations == nil {
		return nil, errors.New("targets: there are no channels")
	}
	for _, name := range s.ChannelNames() {
		if s.Channels[name], err = r.loadChannel(s, name); err != nil {
			return nil, fmt.Errorf("channel %q: %w", name, err)
		}
	}
	return s, nil
}

func (r *Repository) loadTargets(s *State, role string) (*Targets, error) {
	meta := s.Snapshot.Signed.Meta[role+".json"]
	return read(r, metadata.Targets(), versioned(role, meta), meta)
}

func (r *Repository) loadChannel(s *State, name string) (*Channel, error) {
	meta, err := r.loadTargets(s, name)
	if err != nil {
		return nil, err
	}
	if err := s.Targets.VerifyDelegate(name, meta); err != nil {
		return nil, err
	}
	file := meta.Signed.Targets[manifest.Path(name)]
	if file == nil {
		return nil, errors.New("it has no manifest")
	}
	data, err := os.ReadFile(r.target(manifest.Path(name), hex.EncodeToString(file.Hashes["sha256"])))
	if err != nil {
		return nil, err
	}
	if err := file.VerifyLengthHashes(data); err != nil {
		return nil, err
	}
	m, err := manifest.Parse(data)
	if err != nil {
		return nil, err
	}
	if m.Channel != name {
		return nil, fmt.Errorf("its manifest is that of channel %q", m.Channel)
	}
	return &Channel{Meta: meta, Manifest: m}, nil
}

func versioned(role string, meta *metadata.MetaFiles) string {
	if meta == nil {
		return role + ".json" // read reports that it is missing
	}
	return strconv.FormatInt(meta.Version, 10) + "." + role + ".json"
}

// read reads metadata into m; want is what the part above says of it.
func read[T metadata.Roles](r *Repository, m *metadata.Metadata[T], name string, want *metadata.MetaFiles) (*metadata.Metadata[T], error) {
	data, err := os.ReadFile(r.metadata(name))
	if err != nil {
		return nil, err
	}
	if want != nil {
		if err := want.VerifyLengthHashes(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if m, err = m.FromBytes(data); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// loadRoot reads the newest root; each is signed by the one before it.
func (r *Repository) loadRoot() (*Root, error) {
	versions, err := r.versions(metadata.ROOT)
	if err != nil {
		return nil, err
	}
	var root *Root
	for _, v := range versions {
		name := fmt.Sprintf("%d.root.json", v)
		next, err := read(r, metadata.Root(), name, nil)
		if err != nil {
			return nil, err
		}
		if next.Signed.Version != v {
			return nil, fmt.Errorf("%s: it says that it is version %d", name, next.Signed.Version)
		}
		if err := VerifyRoot(root, next); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		root = next
	}
	if root == nil {
		return nil, errors.New("there is no root; is the first ceremony done? (tufrepo sign)")
	}
	return root, nil
}

// VerifyRoot checks that next follows old: its version, old's signatures and
// its own (TUF 1.0, 5.3.4 to 5.3.5). A nil old has nothing to say.
func VerifyRoot(old, next *Root) error {
	if old != nil {
		if next.Signed.Version != old.Signed.Version+1 {
			return fmt.Errorf("version %d does not follow %d", next.Signed.Version, old.Signed.Version)
		}
		if err := old.VerifyDelegate(metadata.ROOT, next); err != nil {
			return fmt.Errorf("by the keys of root %d: %w", old.Signed.Version, err)
		}
	}
	return next.VerifyDelegate(metadata.ROOT, next)
}

// versions lists the versions of a role's files, rising.
func (r *Repository) versions(role string) ([]int64, error) {
	entries, err := os.ReadDir(r.metadata(""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var versions []int64
	for _, e := range entries {
		if s, ok := strings.CutSuffix(e.Name(), "."+role+".json"); ok {
			if v, err := strconv.ParseInt(s, 10, 64); err == nil && v > 0 {
				versions = append(versions, v)
			}
		}
	}
	slices.Sort(versions)
	return versions, nil
}

// nextVersion is above the current version and above that of every file which
// a tool that died may have left.
func (r *Repository) nextVersion(role string, current int64) (int64, error) {
	versions, err := r.versions(role)
	if err != nil {
		return 0, err
	}
	if len(versions) > 0 {
		current = max(current, versions[len(versions)-1])
	}
	return current + 1, nil
}
