package cli_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-os/slipway/tuf-repo/cli"
	"github.com/slipway-os/slipway/tuf-repo/imagetest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"tufrepo": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script/*.txtar. Beside the usual commands there
// are:
//
//	mkimage DIR VERSION   write the artefacts of an image to DIR/artifacts
//	flip FILE OFFSET      change one byte
//	replace FILE OLD NEW  change the first OLD to NEW
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("SLIPWAY_KEY_PASSPHRASE", "correct horse")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"mkimage": func(ts *testscript.TestScript, _ bool, args []string) {
				_, err := imagetest.Artifacts(ts.MkAbs(args[0]), args[1])
				ts.Check(err)
			},
			"flip": flip,
			"replace": func(ts *testscript.TestScript, _ bool, args []string) {
				path := ts.MkAbs(args[0])
				data, err := os.ReadFile(path)
				ts.Check(err)
				changed := strings.Replace(string(data), args[1], args[2], 1)
				if changed == string(data) {
					ts.Fatalf("%s has no %q", args[0], args[1])
				}
				ts.Check(os.WriteFile(path, []byte(changed), 0o644))
			},
		},
	})
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	at, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	ts.Check(err)
	b[0] ^= 0x20
	_, err = f.WriteAt(b, at)
	ts.Check(err)
}
