// Package evidence keeps what a failure is explained with: one folder for each
// spec.
//
//	boot-a-booted-host-reaches-its-api/
//	  console.log     every byte of the serial console
//	  journal.json    the guest's journal, one JSON object a line
//	  timeline.txt    what happened when
//	  qemu.txt        how QEMU was started
//	  rerun.txt       the command that runs this spec again
//	  screen.png, registers.txt, failure.txt   if the spec failed
package evidence

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// A Folder takes the evidence of one spec.
type Folder struct {
	Dir string
}

// maxName bounds the name of a folder, in bytes.
const maxName = 100

var notInNames = regexp.MustCompile(`[^a-z0-9.]+`)

// Open makes the folder of a spec below root.
func Open(root, spec string) (Folder, error) {
	if root == "" {
		return Folder{}, errors.New("no folder for evidence is named (TEST_UNDECLARED_OUTPUTS_DIR)")
	}
	f := Folder{Dir: filepath.Join(root, folderName(spec))}
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return Folder{}, fmt.Errorf("making the folder for evidence: %w", err)
	}
	return f, nil
}

// folderName makes a spec's text fit a path. Texts that differ get names that
// differ: what is cut off is replaced by a hash.
func folderName(spec string) string {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(spec), "-"), "-.")
	if len(name) > maxName || name == "" {
		name = fmt.Sprintf("%s-%x", name[:min(len(name), maxName-9)], sha256.Sum256([]byte(spec)))[:min(len(name), maxName-9)+9]
	}
	return name
}

// Sub returns a folder within this one.
func (f Folder) Sub(name string) (Folder, error) { return Open(f.Dir, name) }

// Path returns where the named piece of evidence is or will be.
func (f Folder) Path(name string) string { return filepath.Join(f.Dir, name) }

// Write keeps one piece of evidence, in place of an older one of that name.
func (f Folder) Write(name string, data []byte) error {
	if err := os.WriteFile(f.Path(name), data, 0o644); err != nil {
		return fmt.Errorf("keeping evidence: %w", err)
	}
	return nil
}

// Missing returns which of the named pieces are not there or empty.
func (f Folder) Missing(names ...string) []string {
	var missing []string
	for _, name := range names {
		if info, err := os.Stat(f.Path(name)); err != nil || info.Size() == 0 {
			missing = append(missing, name)
		}
	}
	return missing
}

// Rerun returns the command that runs a spec again. target is a Bazel label.
func Rerun(target, spec string) string {
	if target == "" {
		target = "//..."
	}
	focus := strings.ReplaceAll("^.*"+regexp.QuoteMeta(spec)+"$", "'", ".")
	return fmt.Sprintf("./bazelw test %s --test_output=streamed '--test_arg=-ginkgo.focus=%s'\n", target, focus)
}
