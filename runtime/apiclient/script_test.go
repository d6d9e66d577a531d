package apiclient_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slipway-os/slipway/runtime/api/apitest"
	"github.com/slipway-os/slipway/runtime/apiclient"
	"github.com/slipway-os/slipway/runtime/multicall"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"apiclient": runClient})
}

// runClient is the command as the scripts call it: of the host of the script.
func runClient() {
	table := multicall.Table{{Name: "apiclient", Run: apiclient.Main}}
	args := append([]string{"apiclient", "--socket", os.Getenv("SOCKET")}, os.Args[1:]...)
	if len(os.Args) > 1 && (os.Args[1] == "__complete" || os.Args[1] == "completion") {
		args = append([]string{"apiclient"}, os.Args[1:]...) // the shell asks before anything else
	}
	os.Exit(table.Run(args, os.Stdout, os.Stderr))
}

// Each script talks to a host of its own; its files are below $HOST.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			h := apitest.Serve(env.T().(testing.TB))
			env.Setenv("SOCKET", h.Socket)
			env.Setenv("HOST", filepath.ToSlash(h.Root))
			return nil
		},
	})
}
