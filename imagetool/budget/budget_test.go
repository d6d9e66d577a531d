package budget_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/budget"
)

const mib = 1 << 20

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	lines := []budget.Line{{Label: "ESP", Size: 100 * mib, Used: 20 * mib, Reserved: 15 * mib}, {Label: "ROOT-A", Size: 100 * mib, Used: 90 * mib}}
	if err := budget.Write(&b, lines, 85); err != nil {
		t.Fatal(err)
	}
	want := `  PARTITION       SIZE      USED  RESERVED      FREE    FULL  GROWTH LEFT
        ESP  100.0 MiB  20.0 MiB  15.0 MiB  65.0 MiB  35.0 %     50.0 MiB
     ROOT-A  100.0 MiB  90.0 MiB   0.0 MiB  10.0 MiB  90.0 %     -5.0 MiB
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		line budget.Line
		want string // empty for a partition that passes
	}{
		{"empty", budget.Line{Size: mib}, ""},
		{"at the limit", budget.Line{Size: 100 * mib, Used: 85 * mib}, ""},
		{"a byte more", budget.Line{Label: "ROOT-A", Size: 100 * mib, Used: 85*mib + 1}, `partition "ROOT-A" would be 85.0 % full`},
		{"reserved counts", budget.Line{Label: "ESP", Size: 100 * mib, Used: 50 * mib, Reserved: 40 * mib}, "(90.0 MiB of 100.0 MiB), the limit is 85 %: enlarge it in the layout by at least 5.9 MiB"},
		{"beyond the end", budget.Line{Label: "X", Size: mib, Used: 3 * mib}, "300.0 % full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := budget.Check([]budget.Line{tt.line}, 85)
			if tt.want == "" && err != nil {
				t.Errorf("error %v", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}
