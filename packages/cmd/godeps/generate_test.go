package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGenerate(t *testing.T) {
	mod := `module example.com/m

go 1.26

require (
	k8s.io/api v0.0.0
	github.com/Masterminds/semver/v3 v3.4.0 // indirect
)

replace k8s.io/api => k8s.io/api v0.36.3
`
	sum := `github.com/Masterminds/semver/v3 v3.4.0 h1:aaa=
github.com/Masterminds/semver/v3 v3.4.0/go.mod h1:bbb=
k8s.io/api v0.36.3 h1:ccc=
`
	want := header + `    go_repository(
        name = "com_github_masterminds_semver_v3",
        build_file_proto_mode = "disable_global",
        importpath = "github.com/Masterminds/semver/v3",
        sum = "h1:aaa=",
        version = "v3.4.0",
    )
    go_repository(
        name = "io_k8s_api",
        build_file_proto_mode = "disable_global",
        importpath = "k8s.io/api",
        sum = "h1:ccc=",
        version = "v0.36.3",
    )
`
	got, err := generate("go.mod", []byte(mod), []byte(sum))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("generate (-want +got):\n%s", diff)
	}
}

func TestGenerateErrors(t *testing.T) {
	for _, test := range []struct{ name, mod, want string }{
		{"no sum", "require example.com/a v1.0.0", "no sum of example.com/a@v1.0.0"},
		{"folder", "require example.com/a v1.0.0\nreplace example.com/a => ../a", "replaced by the folder ../a"},
		{"syntax", "require (", "reading modules"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := generate("go.mod", []byte("module example.com/m\n"+test.mod+"\n"), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("generate = %v, want an error with %q", err, test.want)
			}
		})
	}
}
