package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// The rendered files that Kernel reads, and what it keeps.
const (
	hostnameFile = "/etc/hostname"
	lockdownFile = "/etc/slipway/lockdown"
	sysctlFile   = "/etc/sysctl.d/90-settings.conf"
	// sysctlRecord has the values from before the settings changed them.
	sysctlRecord = "/run/slipway/sysctl.json"
)

// Where the kernel takes them.
const (
	kernelHostname = "/proc/sys/kernel/hostname"
	kernelLockdown = "/sys/kernel/security/lockdown"
	kernelSysctl   = "/proc/sys"
)

// maxHostname is the most bytes of a host name, HOST_NAME_MAX of Linux.
const maxHostname = 64

// A Kernel brings into force what no service reads from a file: the name of the
// host, lockdown, and the kernel parameters that were set and are not any more.
type Kernel struct {
	Root string // "/" but for tests
	// Early: modules are not loaded yet, so that parameters may be missing;
	// systemd-sysctl sets them later.
	Early bool
}

// Apply does all of it as far as it goes. The error joins what failed, each by
// the setting's key.
func (k Kernel) Apply() error {
	return errors.Join(k.hostname(), k.lockdown(), k.sysctl())
}

// hostname sets the name. One that is longer than the kernel takes is cut to
// its first label.
func (k Kernel) hostname() error {
	name, err := k.read(hostnameFile)
	if errors.Is(err, fs.ErrNotExist) || name == "" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("settings.network.hostname: %w", err)
	}
	if len(name) > maxHostname {
		name, _, _ = strings.Cut(name, ".")
		name = name[:min(len(name), maxHostname)]
	}
	if now, err := k.read(kernelHostname); err == nil && now == name {
		return nil
	}
	if err := k.write(kernelHostname, name); err != nil {
		return fmt.Errorf("settings.network.hostname: naming the host: %w", err)
	}
	return nil
}

// lockdownModes are the kernel's modes, see kernel_lockdown(7), the weakest
// first.
var lockdownModes = []string{"none", "integrity", "confidentiality"}

// lockdown raises the mode. It is never lowered, which the kernel would refuse:
// a weaker setting waits for the next boot.
func (k Kernel) lockdown() error {
	want, err := k.read(lockdownFile)
	if errors.Is(err, fs.ErrNotExist) || want == "" || want == lockdownModes[0] {
		return nil
	}
	if err != nil {
		return fmt.Errorf("settings.kernel.lockdown: %w", err)
	}
	text, err := k.read(kernelLockdown) // none [integrity] confidentiality
	if err != nil {
		return fmt.Errorf("settings.kernel.lockdown: asking for the mode: %w", err)
	}
	_, rest, _ := strings.Cut(text, "[")
	now, _, _ := strings.Cut(rest, "]")
	if slices.Index(lockdownModes, now) >= slices.Index(lockdownModes, want) {
		return nil
	}
	if err := k.write(kernelLockdown, want); err != nil {
		return fmt.Errorf("settings.kernel.lockdown: raising it from %s to %s: %w", now, want, err)
	}
	return nil
}

// sysctl sets the parameters of the settings, remembers what they were, and
// gives those back that are no longer in the settings.
func (k Kernel) sysctl() error {
	want, err := k.wanted()
	if err != nil {
		return err
	}
	record, err := k.recorded()
	errs := []error{err}
	before := maps.Clone(record)
	for _, name := range slices.Sorted(maps.Keys(record)) {
		if _, still := want[name]; !still {
			errs = append(errs, k.giveBack(name, record))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if now, err := k.read(sysctlPath(name)); err == nil {
			if _, known := record[name]; !known {
				record[name] = now
			}
		}
	}
	if !maps.Equal(before, record) { // before anything is changed
		if err := k.remember(record); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		errs = append(errs, k.set(name, want[name]))
	}
	return errors.Join(errs...)
}

// wanted reads the rendered file: "-NAME = VALUE" lines.
func (k Kernel) wanted() (map[string]string, error) {
	text, err := k.read(sysctlFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("settings.kernel.sysctl: %w", err)
	}
	want := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "-"), "=")
		if ok && !strings.HasPrefix(line, "#") {
			want[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return want, nil
}

// set writes one parameter where it differs.
func (k Kernel) set(name, value string) error {
	path := sysctlPath(name)
	now, err := k.read(path)
	if err == nil && slices.Equal(strings.Fields(now), strings.Fields(value)) {
		return nil
	}
	if k.Early && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := k.write(path, value); err != nil {
		return fmt.Errorf("settings.%s: %w", settings.Key{"kernel", "sysctl", name}, err)
	}
	return nil
}

// giveBack writes what a parameter was before the settings changed it and takes
// it from the record.
func (k Kernel) giveBack(name string, record map[string]string) error {
	if err := k.write(sysctlPath(name), record[name]); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("settings.%s: giving back %q: %w", settings.Key{"kernel", "sysctl", name}, record[name], err)
	}
	delete(record, name)
	return nil
}

func (k Kernel) recorded() (map[string]string, error) {
	record := map[string]string{}
	b, err := os.ReadFile(k.path(sysctlRecord))
	if errors.Is(err, fs.ErrNotExist) {
		return record, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &record)
	}
	if err != nil {
		return map[string]string{}, fmt.Errorf("settings.kernel.sysctl: reading what was changed: %w", err)
	}
	return record, nil
}

func (k Kernel) remember(record map[string]string) error {
	b, err := json.Marshal(record)
	if err == nil {
		err = writeFile(k.path(sysctlRecord), b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("settings.kernel.sysctl: remembering what is changed: %w", err)
	}
	return nil
}

// sysctlPath is the file of a parameter. The schema lets no name lead out of
// /proc/sys.
func sysctlPath(name string) string {
	return filepath.Join(kernelSysctl, filepath.Join("/", settings.SysctlKey(name).Path()))
}

func (k Kernel) read(path string) (string, error) {
	b, err := os.ReadFile(k.path(path))
	return strings.TrimSpace(string(b)), err
}

// write hands a value to the kernel; the file must be there.
func (k Kernel) write(path, value string) error {
	f, err := os.OpenFile(k.path(path), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value + "\n")
	return errors.Join(err, f.Close())
}

func (k Kernel) path(p string) string { return filepath.Join(k.Root, p) }
