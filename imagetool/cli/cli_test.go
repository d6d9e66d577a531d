package cli_test

import (
	"context"
	"os"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/cli"
	"github.com/slipway-os/slipway/imagetool/fixture"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"imagetool": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs testdata/script/*.txtar. Beside the usual commands there
// are:
//
//	mkinputs           write the inputs of a small image to the work folder
//	mkimage            build disk.img from them, with no foreign programs
//	flip FILE OFFSET   change one byte
//	cut FILE SIZE      truncate a file
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"mkinputs": func(ts *testscript.TestScript, _ bool, _ []string) {
				_, err := fixture.Options(ts.Getenv("WORK"))
				ts.Check(err)
			},
			"mkimage": func(ts *testscript.TestScript, _ bool, _ []string) {
				o, err := fixture.Options(ts.Getenv("WORK"))
				ts.Check(err)
				_, err = assemble.Image(context.Background(), o)
				ts.Check(err)
			},
			"flip": func(ts *testscript.TestScript, _ bool, args []string) { flip(ts, args) },
			"cut": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.Truncate(ts.MkAbs(args[0]), number(ts, args[1])))
			},
		},
	})
}

func number(ts *testscript.TestScript, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	ts.Check(err)
	return n
}

func flip(ts *testscript.TestScript, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	at := number(ts, args[1])
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	ts.Check(err)
	b[0] ^= 0x20
	_, err = f.WriteAt(b, at)
	ts.Check(err)
}
