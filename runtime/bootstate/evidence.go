package bootstate

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Evidence is where a boot that ended may have left why.
type Evidence struct {
	// PStore is where the kernel shows what it kept of a crash.
	PStore string
	// Journal is the last errors in the journal of a boot, "" if there are none.
	Journal func(bootID string) string
}

// telling are the lines by which a kernel ends, the first the most telling.
var telling = []*regexp.Regexp{
	regexp.MustCompile(`device-mapper: verity: .*(corrupted|failed).*`),
	regexp.MustCompile(`Kernel panic - not syncing: .*`),
	regexp.MustCompile(`(watchdog: BUG: soft lockup|Out of memory: Killed process) .*`),
}

// maxCrash bounds what is read of a crash, in bytes.
const maxCrash = 256 << 10

// Find is the most telling line, "" if there is none. Without a boot ID only
// the kernel's own store is looked at.
func (e Evidence) Find(bootID string) string {
	if line := e.crash(); line != "" {
		return "kernel: " + line
	}
	if bootID == "" || e.Journal == nil {
		return ""
	}
	text := e.Journal(bootID)
	if line := find(text); line != "" {
		return "kernel: " + line
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return "journal: " + last
	}
	return ""
}

func (e Evidence) crash() string {
	files, err := os.ReadDir(e.PStore)
	if err != nil {
		return ""
	}
	// The parts of one crash have numbers; the end of the log is in the first.
	for _, f := range slices.Backward(files) {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxCrash {
			continue
		}
		b, err := os.ReadFile(filepath.Join(e.PStore, f.Name()))
		if err != nil {
			continue
		}
		if line := find(string(b)); line != "" {
			return line
		}
	}
	return ""
}

func find(text string) string {
	for _, r := range telling {
		if line := r.FindString(text); line != "" {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// readJournal asks the journal. A host whose journal does not answer boots all
// the same.
func readJournal(bootID string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// Boots are named there without dashes.
	out, err := exec.CommandContext(ctx, "/usr/bin/journalctl", "--quiet", "--no-pager", "--output=cat",
		"--priority=err", "--lines=50", "--boot="+strings.ReplaceAll(bootID, "-", "")).Output()
	if err != nil || len(out) > maxCrash {
		return ""
	}
	return string(out)
}
