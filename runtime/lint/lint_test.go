package lint_test

import (
	"compress/gzip"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-os/slipway/runtime/lint"
	"github.com/slipway-os/slipway/runtime/multicall"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"slipway": func() {
			table := multicall.Table{{Name: "lint", Summary: "checks user data", Run: lint.Main}}
			os.Exit(table.Run(os.Args, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs testdata/script/*.txtar. Beside the usual commands there are:
//
//	pack FILE       replace a file by itself packed by gzip
//	code N CMD …    run a command, whose exit code must be N
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"pack": func(ts *testscript.TestScript, _ bool, args []string) {
				path := ts.MkAbs(args[0])
				text, err := os.ReadFile(path)
				ts.Check(err)
				f, err := os.Create(path)
				ts.Check(err)
				defer f.Close()
				z := gzip.NewWriter(f)
				_, err = z.Write(text)
				ts.Check(err)
				ts.Check(z.Close())
			},
			"code": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				got := 0
				if exit, ok := err.(interface{ ExitCode() int }); ok {
					got = exit.ExitCode()
				} else {
					ts.Check(err)
				}
				if want := args[0]; want != string(rune('0'+got)) {
					ts.Fatalf("exit code %d, want %s", got, want)
				}
			},
		},
	})
}
