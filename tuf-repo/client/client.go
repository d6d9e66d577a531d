// Package client reads an update repository as a host does: by go-tuf's
// client, from a trusted root, over HTTP or from a folder. The tool uses it to
// mirror and tests use it to judge; hosts have their own.
package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// Source is where a repository is.
type Source struct {
	Metadata, Targets string       // folders or URLs of folders
	HTTP              *http.Client // nil: http.DefaultClient
}

// Of is the usual source: metadata/ and targets/ in one folder or URL.
func Of(base string) Source {
	base = strings.TrimSuffix(base, "/")
	return Source{Metadata: base + "/metadata", Targets: base + "/targets"}
}

// Client is one look at a repository: what it reads is of one snapshot.
type Client struct {
	updater *updater.Updater
	fetch   *fetcher
	cache   string
	meta    string
	targets string
}

// New makes a client that trusts a root. What it learns is kept in the folder
// cache, so that no later client with that folder takes older metadata. now
// is the time that expiry is measured by; zero: the clock's.
func New(ctx context.Context, root []byte, cache string, s Source, now time.Time) (*Client, error) {
	c := &Client{cache: cache, fetch: &fetcher{ctx: ctx, client: s.HTTP}}
	if c.fetch.client == nil {
		c.fetch.client = http.DefaultClient
	}
	var err error
	if c.meta, err = Base(s.Metadata); err != nil {
		return nil, err
	}
	if c.targets, err = Base(s.Targets); err != nil {
		return nil, err
	}
	cfg, err := config.New(c.meta, root)
	if err != nil {
		return nil, err
	}
	cfg.Fetcher, cfg.LocalMetadataDir, cfg.LocalTargetsDir = c.fetch, cache, cache
	if c.updater, err = updater.New(cfg); err != nil {
		return nil, fmt.Errorf("reading the trusted root: %w", err)
	}
	if !now.IsZero() {
		c.updater.UnsafeSetRefTime(now)
	}
	return c, nil
}

// Refresh reads and verifies the metadata of the top-level roles.
func (c *Client) Refresh() error {
	if err := c.updater.Refresh(); err != nil {
		return fmt.Errorf("reading metadata at %s: %w", c.meta, err)
	}
	return nil
}

// Channels lists the channels of the repository.
func (c *Client) Channels() []string {
	var names []string
	if d := c.updater.GetTrustedMetadataSet().Targets[metadata.TARGETS].Signed.Delegations; d != nil {
		for _, role := range d.Roles {
			names = append(names, role.Name)
		}
	}
	return names
}

// Manifest reads a channel's manifest.
func (c *Client) Manifest(ctx context.Context, channel string) (*manifest.Manifest, error) {
	if !slices.Contains(c.Channels(), channel) {
		return nil, fmt.Errorf("the repository has no channel %q (it has %s)", channel, strings.Join(c.Channels(), ", "))
	}
	info, err := c.Target(manifest.Path(channel))
	if err != nil {
		return nil, fmt.Errorf("reading channel %q: %w", channel, err)
	}
	if info.Length > manifest.MaxSize {
		return nil, fmt.Errorf("reading channel %q: a manifest of %d bytes", channel, info.Length)
	}
	var b bytes.Buffer
	if err := c.Copy(ctx, info, &b); err != nil {
		return nil, err
	}
	m, err := manifest.Parse(b.Bytes())
	if err == nil && m.Channel != channel {
		err = fmt.Errorf("its manifest is that of channel %q", m.Channel)
	}
	if err != nil {
		return nil, fmt.Errorf("reading channel %q: %w", channel, err)
	}
	return m, nil
}

// Target says what the repository has under a target path.
func (c *Client) Target(name string) (*metadata.TargetFiles, error) {
	t, err := c.updater.GetTargetInfo(name)
	if err != nil {
		return nil, err
	}
	t.Path = name
	return t, nil
}

// RemoteName is the path of a target's file: hash-prefixed (TUF 1.0, 6.2).
func RemoteName(t *metadata.TargetFiles) string {
	dir, name := path.Split(t.Path)
	return dir + hex.EncodeToString(t.Hashes["sha256"]) + "." + name
}

// Open reads a target; the reader's last read fails where the bytes are not
// those that were signed, and no read goes beyond the signed length.
func (c *Client) Open(ctx context.Context, t *metadata.TargetFiles) (io.ReadCloser, error) {
	if len(t.Hashes["sha256"]) != sha256.Size {
		return nil, fmt.Errorf("target %s: no SHA-256 is signed", t.Path)
	}
	body, err := c.fetch.open(ctx, c.targets+RemoteName(t))
	if err != nil {
		return nil, fmt.Errorf("fetching target %s: %w", t.Path, err)
	}
	return &verified{body: body, hash: sha256.New(), info: t}, nil
}

// Copy writes a target to w. Bytes are verified when all are written, so w
// must be a place of no consequence.
func (c *Client) Copy(ctx context.Context, t *metadata.TargetFiles, w io.Writer) error {
	body, err := c.Open(ctx, t)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}

type verified struct {
	body io.ReadCloser
	hash hash.Hash
	info *metadata.TargetFiles
	n    int64
}

func (v *verified) Read(b []byte) (int, error) {
	n, err := v.body.Read(b)
	v.n += int64(n)
	v.hash.Write(b[:n])
	switch {
	case v.n > v.info.Length:
		return 0, fmt.Errorf("target %s: more than the %d bytes that were signed", v.info.Path, v.info.Length)
	case err == io.EOF && v.n < v.info.Length:
		return n, fmt.Errorf("target %s: it ends after %d of %d bytes", v.info.Path, v.n, v.info.Length)
	case err == io.EOF && !bytes.Equal(v.hash.Sum(nil), v.info.Hashes["sha256"]):
		return n, fmt.Errorf("target %s: its bytes are not those that were signed", v.info.Path)
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("fetching target %s: %w", v.info.Path, err)
	}
	return n, err
}

func (v *verified) Close() error { return v.body.Close() }

// Role is a piece of verified metadata, byte for byte.
type Role struct {
	Name    string // root, targets, snapshot, timestamp or a channel
	Version int64
	Data    []byte
}

// Roles returns the metadata that was read so far, without roots.
func (c *Client) Roles() ([]Role, error) {
	set := c.updater.GetTrustedMetadataSet()
	roles := []Role{
		{Name: metadata.TIMESTAMP, Version: set.Timestamp.Signed.Version},
		{Name: metadata.SNAPSHOT, Version: set.Snapshot.Signed.Version},
	}
	for name, targets := range set.Targets {
		roles = append(roles, Role{Name: name, Version: targets.Signed.Version})
	}
	for n := range roles {
		var err error
		if roles[n].Data, err = os.ReadFile(filepath.Join(c.cache, roles[n].Name+".json")); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

// Roots fetches the chain of roots from the first to the trusted one, for a
// mirror: each is signed by the one before it.
func (c *Client) Roots() ([]Role, error) {
	set := c.updater.GetTrustedMetadataSet()
	var roots []Role
	var old *metadata.Metadata[metadata.RootType]
	for v := int64(1); v <= set.Root.Signed.Version; v++ {
		data, err := c.fetch.DownloadFile(fmt.Sprintf("%s%d.root.json", c.meta, v), maxRoot, 0)
		if err != nil {
			return nil, err
		}
		root, err := metadata.Root().FromBytes(data)
		if err != nil {
			return nil, fmt.Errorf("root %d: %w", v, err)
		}
		if old != nil {
			if err := old.VerifyDelegate(metadata.ROOT, root); err != nil {
				return nil, fmt.Errorf("root %d: %w", v, err)
			}
		}
		roots, old = append(roots, Role{Name: metadata.ROOT, Version: v, Data: data}), root
	}
	return roots, c.checkLast(roots)
}

// maxRoot is the size, in bytes, that a root may have.
const maxRoot = 512000

// checkLast makes sure that the chain ends in the root that is trusted.
func (c *Client) checkLast(roots []Role) error {
	trusted, err := os.ReadFile(filepath.Join(c.cache, "root.json"))
	if err != nil {
		return err
	}
	if len(roots) == 0 || !bytes.Equal(roots[len(roots)-1].Data, trusted) {
		return fmt.Errorf("the repository's last root is not the one that was verified")
	}
	return nil
}
