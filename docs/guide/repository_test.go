package guide_test

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-os/slipway/tuf-repo/cli"
	"github.com/slipway-os/slipway/tuf-repo/imagetest"
)

//go:embed repository.md
var repository string

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tufrepo": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestRepository runs the commands of repository.md, in order.
func TestRepository(t *testing.T) {
	lines := commands(repository)
	if len(lines) < 20 {
		t.Fatalf("repository.md has only %d commands", len(lines))
	}
	script := filepath.Join(t.TempDir(), "repository.txtar")
	if err := os.WriteFile(script, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Files: []string{script}, Setup: func(e *testscript.Env) error {
		e.Setenv("SLIPWAY_KEY_PASSPHRASE", "correct horse")
		for _, name := range []string{"REPO", "KEYS", "ALICE", "BOB", "CAROL", "STICK", "SITE"} {
			e.Setenv(name, filepath.Join(e.WorkDir, strings.ToLower(name)))
		}
		return images(filepath.Join(e.WorkDir, "out"), "0.1.0", "0.2.0", "0.2.1")
	}})
}

// commands are the lines of a document's sh blocks. New keys get a low work
// factor, so that the test does not take a minute.
func commands(document string) []string {
	var lines []string
	inside := false
	for line := range strings.Lines(document) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "```sh":
			inside = true
		case strings.HasPrefix(line, "```"):
			inside = false
		case inside:
			if strings.HasPrefix(line, "tufrepo key new") || strings.HasPrefix(line, "tufrepo init") || strings.Contains(line, " --new ") {
				line += " --work-factor 1"
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// images writes artefacts to dir/VERSION.
func images(dir string, versions ...string) error {
	for _, version := range versions {
		made, err := imagetest.Artifacts(filepath.Join(dir, "build-"+version), version)
		if err != nil {
			return err
		}
		if err := os.Rename(made, filepath.Join(dir, version)); err != nil {
			return err
		}
	}
	return nil
}
