// Package reference holds the generated reference, and keeps it true.
package reference

import (
	_ "embed"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
)

var update = flag.Bool("update", false, "write the reference anew: go test ./docs/reference -update")

//go:embed settings.md
var settingsMD string

//go:embed settings.schema.json
var settingsSchema string

func TestReference(t *testing.T) {
	for _, doc := range []struct {
		file, committed string
		generated       []byte
	}{
		{"settings.md", settingsMD, settings.Base().Markdown()},
		{"settings.schema.json", settingsSchema, settings.Base().JSONSchema()},
	} {
		if *update {
			if err := os.WriteFile(doc.file, doc.generated, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(doc.committed, string(doc.generated)); diff != "" {
			t.Errorf("%s is not what runtime/settings says; run go test ./docs/reference -update (-committed +generated):\n%s", doc.file, diff)
		}
	}
}
