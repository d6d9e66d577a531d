package manifest

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds of a manifest.
const (
	maxImages    = 4096
	maxArtefacts = 64
	maxWaves     = 64
	maxSize      = 1 << 40 // bytes of an artefact
)

// CheckName reports why a channel, variant or architecture cannot have a
// name: they are parts of paths, and channels are names of roles.
func CheckName(kind, s string) error {
	ok := s != "" && len(s) <= 64 && s[0] != '.' && s[0] != '-'
	for _, c := range s {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune("._-", c))
	}
	if !ok {
		return fmt.Errorf("%s %q: a name has lower-case letters, digits, dots, dashes and underscores, 64 at most, and begins with a letter or digit", kind, s)
	}
	return nil
}

func checkHash(kind, s string) error {
	ok := len(s) == 64
	for _, c := range s {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f')
	}
	if !ok {
		return fmt.Errorf("%s %q is not 64 hexadecimal digits in lower case", kind, s)
	}
	return nil
}

func (m *Manifest) check() error {
	if m.Schema != Schema {
		return &SchemaError{m.Schema}
	}
	if err := CheckName("channel", m.Channel); err != nil {
		return err
	}
	if m.Images == nil {
		return errors.New("images: missing")
	}
	if len(m.Images) > maxImages {
		return fmt.Errorf("%d images are more than %d", len(m.Images), maxImages)
	}
	seen := map[string]bool{}
	for n := range m.Images {
		i := &m.Images[n]
		if err := i.check(); err != nil {
			return fmt.Errorf("image %d (%s): %w", n, i, err)
		}
		if seen[i.String()] {
			return fmt.Errorf("image %s is there twice", i)
		}
		seen[i.String()] = true
	}
	return nil
}

func (i *Image) check() error {
	if err := errors.Join(CheckName("variant", i.Variant), CheckName("arch", i.Arch), checkHash("root_hash", i.RootHash)); err != nil {
		return err
	}
	if !ValidVersion(i.Version) {
		return fmt.Errorf("version %q is not like 1.2.3 or 1.2.3-rc.1", i.Version)
	}
	if i.MinVersion != "" && !ValidVersion(i.MinVersion) {
		return fmt.Errorf("min_version %q is not like 1.2.3 or 1.2.3-rc.1", i.MinVersion)
	}
	if i.MinVersion != "" && CompareVersions(i.MinVersion, i.Version) >= 0 {
		return fmt.Errorf("min_version %q is not older than the version", i.MinVersion)
	}
	if err := i.checkArtefacts(); err != nil {
		return err
	}
	return CheckWaves(i.Waves)
}

func (i *Image) checkArtefacts() error {
	if len(i.Artefacts) > maxArtefacts {
		return fmt.Errorf("%d artefacts are more than %d", len(i.Artefacts), maxArtefacts)
	}
	names, roles := map[string]bool{}, map[string]bool{}
	for n := range i.Artefacts {
		a := &i.Artefacts[n]
		if err := a.check(); err != nil {
			return fmt.Errorf("artefact %q: %w", a.Name, err)
		}
		use := string(a.Role) + " from " + a.From
		if names[a.Name] || roles[use] {
			return fmt.Errorf("artefact %q: another has its name, or its role %q", a.Name, a.Role)
		}
		names[a.Name], roles[use] = true, true
	}
	for _, r := range []Role{RoleUKI, RoleFacts} {
		if i.Artefact(r) == nil {
			return fmt.Errorf("no artefact has the role %q", r)
		}
	}
	if i.Artefact(RoleRoot) == nil && i.Artefact(RoleFrames) == nil {
		return fmt.Errorf("no artefact has the role %q or %q", RoleRoot, RoleFrames)
	}
	return nil
}

func (a *Artefact) check() error {
	if err := errors.Join(CheckName("name", a.Name), CheckName("role", string(a.Role)), checkHash("sha256", a.SHA256)); err != nil {
		return err
	}
	if a.Size < 0 || a.Size > maxSize {
		return fmt.Errorf("size %d is not from 0 to %d", a.Size, int64(maxSize))
	}
	if (a.Role == RolePatch) != (a.From != "") {
		return errors.New("a patch, and nothing else, says the version that it is from")
	}
	if a.From != "" && !ValidVersion(a.From) {
		return fmt.Errorf("from %q is not like 1.2.3 or 1.2.3-rc.1", a.From)
	}
	return nil
}

// CheckWaves reports what is wrong with a plan: seeds must rise to the last
// one, and starts must not fall. No waves is a plan.
func CheckWaves(waves []Wave) error {
	if len(waves) > maxWaves {
		return fmt.Errorf("%d waves are more than %d", len(waves), maxWaves)
	}
	for n, w := range waves {
		if w.LastSeed < 0 || w.LastSeed >= Seeds {
			return fmt.Errorf("wave %d: last_seed %d is not from 0 to %d", n, w.LastSeed, Seeds-1)
		}
		if y := w.Start.Year(); y < 1970 || y > 9999 {
			return fmt.Errorf("wave %d: it has no start", n)
		}
		if n > 0 && (w.LastSeed <= waves[n-1].LastSeed || w.Start.Before(waves[n-1].Start)) {
			return fmt.Errorf("wave %d: it is not after wave %d", n, n-1)
		}
	}
	if len(waves) > 0 && waves[len(waves)-1].LastSeed != Seeds-1 {
		return fmt.Errorf("the last wave ends at seed %d and not at %d: some hosts would never update", waves[len(waves)-1].LastSeed, Seeds-1)
	}
	return nil
}
