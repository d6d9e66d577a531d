package verify

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/esp"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/inspect"
	"github.com/slipway-os/slipway/imagetool/problem"
	"github.com/slipway-os/slipway/imagetool/uki"
)

// bootEntry is a UKI and where to blame it.
type bootEntry struct {
	inspect.UKI
	area problem.Area
	file esp.File
}

// checkESP checks file system, boot loader and UKIs.
func (v *verifier) checkESP(p gpt.Partition) {
	r, area := v.section(p)
	vol, problems := esp.Check(r, p.Size(), area)
	v.report(problems...)
	if vol == nil {
		return
	}
	files, _ := vol.Files() // esp.Check has reported the error
	v.checked("%s: FAT32 with %d files and folders", p.Label, len(files))
	v.checkLoader(files, area)
	for _, f := range files {
		switch {
		case inspect.IsUKI(f):
			v.checkUKI(f, area)
		case strings.EqualFold(f.Path, "loader/loader.conf"):
			v.checkLoaderConf(f, area)
		}
	}
}

// checkLoader compares the two copies of the boot loader.
func (v *verifier) checkLoader(files []esp.File, area problem.Area) {
	var copies [][]byte
	var where []esp.File
	for _, f := range files {
		p := strings.ToLower(f.Path)
		if !strings.HasPrefix(p, "efi/boot/boot") && !strings.HasPrefix(p, "efi/systemd/systemd-boot") {
			continue
		}
		data, err := f.Content()
		if err == nil {
			_, err = uki.Parse(data)
		}
		if err != nil {
			v.report(area.At(f.Offset(0), f.Size, "/%s: %v", f.Path, err))
			continue
		}
		copies, where = append(copies, data), append(where, f)
	}
	if len(copies) != 2 {
		v.report(area.At(0, 0, "%d usable copies of the boot loader, want one in EFI/BOOT and one in EFI/systemd", len(copies)))
		return
	}
	if bytes.Equal(copies[0], copies[1]) {
		v.checked("%s: two equal copies of the boot loader", area.Name)
		return
	}
	n := min(len(copies[0]), len(copies[1]))
	at := 0
	for at < n && copies[0][at] == copies[1][at] {
		at++
	}
	v.report(area.At(where[0].Offset(int64(at)), 1, "/%s differs from /%s (at byte %d of the partition) at byte %d of the file",
		where[0].Path, where[1].Path, where[1].Offset(int64(at)), at))
}

// loaderKeys are the settings of systemd-boot that images use.
var loaderKeys = []string{"timeout", "editor", "default", "preferred", "auto-entries", "auto-firmware", "console-mode", "beep"}

func (v *verifier) checkLoaderConf(f esp.File, area problem.Area) {
	data, err := f.Content()
	if err != nil {
		v.report(area.At(f.Offset(0), f.Size, "%v", err))
		return
	}
	off := int64(0)
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		known := key == "" || strings.HasPrefix(key, "#")
		for _, k := range loaderKeys {
			known = known || key == k && strings.TrimSpace(value) != ""
		}
		if !known {
			v.report(area.At(f.Offset(off), int64(len(line)), "/%s: unknown setting %q", f.Path, strings.TrimSpace(line)))
		}
		off += int64(len(line))
	}
}

// checkUKI checks one UKI: its blocks, and what it says.
func (v *verifier) checkUKI(f esp.File, area problem.Area) {
	u, err := inspect.ReadUKI(f)
	data, readErr := f.Content()
	if readErr != nil {
		v.report(area.At(f.Offset(0), f.Size, "%v", readErr))
		return
	}
	pe, parseErr := uki.Parse(data)
	if parseErr != nil {
		v.report(area.At(f.Offset(0), f.Size, "/%s: %v", f.Path, parseErr))
		return
	}
	damage := pe.Check()
	for _, d := range damage {
		v.report(area.At(f.Offset(int64(d.Offset)), int64(d.Length), "/%s, byte %d: %s", f.Path, d.Offset, d.Message))
	}
	if err != nil {
		v.report(area.At(f.Offset(0), f.Size, "/%s: %v", f.Path, err))
		return
	}
	if len(damage) == 0 {
		v.checked("%s: /%s: %s %s, kernel %s, all blocks good", area.Name, f.Path, u.ID, u.Version, u.Kernel)
	}
	entry := bootEntry{u, area, f}
	if err := entry.checkName(); err != nil {
		v.report(area.At(f.Offset(0), f.Size, "/%s: %v", f.Path, err))
	}
	v.ukis = append(v.ukis, entry)
}

// checkName compares the file name (ID_VERSION or, after an update,
// ID_VERSION_HASH with the first 8 digits of the root hash; then a boot counter
// that begins with "+") with what the UKI says.
func (e bootEntry) checkName() error {
	base := strings.TrimSuffix(strings.ToLower(path.Base(e.Path)), ".efi")
	base, _, _ = strings.Cut(base, "+")
	want := e.ID + "_" + e.Version
	if root := e.Root(); root != nil && base == want+"_"+root.Hash.String()[:8] {
		return nil
	}
	if base != want {
		return fmt.Errorf("the file name says %q, its os-release %q", base, want)
	}
	return nil
}

// boots says whether the UKI boots the root with these GUIDs.
func (e bootEntry) boots(root, hash gpt.Partition) bool {
	r := e.Root()
	return r.RootGUID() == root.GUID && r.HashGUID() == hash.GUID
}

// findEntry returns the UKI that boots a slot, or nil.
func (v *verifier) findEntry(root, hash gpt.Partition) *cmdline.Root {
	for _, e := range v.ukis {
		if e.boots(root, hash) {
			return e.Root()
		}
	}
	return nil
}
