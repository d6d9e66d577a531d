package apiclient

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/multicall"
)

const osJSON = `{"pretty_name":"Slipway 0.1.0 (base)","build_id":"b1","kernel":"6.12.43","arch":"x86_64","slot":"A","root_hash":"ff",` +
	`"root":{"device":"/dev/dm-0","fstype":"erofs","read_only":true,"verity":"verified"},` +
	`"state":{"device":"/dev/vda6","fstype":"ext4","size_bytes":8589934592,"available_bytes":700},` +
	`"boot":{"count":3,"first_boot":"2026-03-01T12:00:00Z","uptime_seconds":90.7}}`

// serve answers on a unix socket with fixed bodies, keyed "METHOD PATH".
func serve(t *testing.T, answers map[string]func(http.ResponseWriter)) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := answers[r.Method+" "+r.URL.Path]
		if answer == nil {
			answer = body(404, api.ContentTypeProblem, `{"title":"Not Found","status":404,"detail":"no such thing"}`)
		}
		answer(w)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return socket
}

func body(status int, kind, text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		w.Write([]byte(text))
	}
}

func TestCommands(t *testing.T) {
	health := func(status int, what string, ok string) func(http.ResponseWriter) {
		return body(status, "application/json", `{"status":"`+what+`","since":"2026-03-01T12:00:00Z","failed_units":[],`+
			`"checks":[{"name":"units","ok":`+ok+`,"message":"failed: x.service"}]}`)
	}
	for _, tc := range []struct {
		name    string
		args    string
		answers map[string]func(http.ResponseWriter)
		want    string
		err     string // part of the error
		is      error  // what the error wraps
	}{
		{
			name: "os", args: "get os", answers: map[string]func(http.ResponseWriter){"GET /os": body(200, "application/json", osJSON)},
			want: "Release    Slipway 0.1.0 (base)\n" +
				"Build      b1\n" +
				"Kernel     6.12.43 x86_64\n" +
				"Slot       A\n" +
				"Root       /dev/dm-0 erofs read-only, verity verified\n" +
				"Root hash  ff\n" +
				"State      /dev/vda6 ext4, 700 B of 8.00 GiB free\n" +
				"Boot       number 3, the first was 2026-03-01T12:00:00Z\n" +
				"Up for     1m30s\n",
		},
		{
			name: "good", args: "get health",
			answers: map[string]func(http.ResponseWriter){"GET /health": health(200, "good", "true")},
			want:    "Status  good since 2026-03-01T12:00:00Z\nunits   ok: failed: x.service\n",
		},
		{
			name: "degraded", args: "get health",
			answers: map[string]func(http.ResponseWriter){"GET /health": health(503, "degraded", "false")},
			want:    "Status  degraded since 2026-03-01T12:00:00Z\nunits   NOT OK: failed: x.service\n",
			is:      multicall.ErrSilent,
		},
		{
			name: "raw", args: "raw -m POST -u /x -d {}",
			answers: map[string]func(http.ResponseWriter){"POST /x": body(202, "text/plain", "done\n")}, want: "done\n",
		},
		{
			name: "raw problem", args: "raw -u /nosuch",
			want: `{"title":"Not Found","status":404,"detail":"no such thing"}`, err: "404",
		},
		{name: "problem", args: "get os", err: "Not Found: no such thing"},
		{
			name: "not JSON", args: "get os", err: "HTTP status 500",
			answers: map[string]func(http.ResponseWriter){"GET /os": body(500, "text/plain", "oops")},
		},
		{name: "reboot", args: "reboot", answers: map[string]func(http.ResponseWriter){"POST /actions/reboot": body(202, "application/json", "{}")}},
		{name: "no reboot", args: "reboot", err: "Not Found: no such thing"},
		{name: "no noun", args: "get", is: multicall.ErrUsage},
		{name: "odd verb", args: "give os", is: multicall.ErrUsage},
		{name: "odd flag", args: "get os --yaml", is: multicall.ErrUsage},
		{name: "one too many", args: "health now", is: multicall.ErrUsage},
		{name: "raw without a path", args: "raw", is: multicall.ErrUsage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"--socket", serve(t, tc.answers)}, strings.Fields(tc.args)...)
			err := Main(args, &out, &errs)
			if d := cmp.Diff(tc.want, out.String()); d != "" {
				t.Errorf("output (-want +got):\n%s", d)
			}
			wantErr := tc.err != "" || tc.is != nil
			if (err != nil) != wantErr || tc.is != nil && !errors.Is(err, tc.is) || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %q (%v)", err, tc.err, tc.is)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	socket := serve(t, map[string]func(http.ResponseWriter){"GET /os": body(200, "application/json", osJSON)})
	for _, args := range [][]string{{"get", "os", "--json"}, {"get", "--json", "os"}} {
		var out, errs bytes.Buffer
		if err := Main(append([]string{"--socket", socket}, args...), &out, &errs); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "\n  \"slot\": \"A\",\n") {
			t.Errorf("%q prints %s", args, &out)
		}
	}
}

func TestNoServer(t *testing.T) {
	var out, errs bytes.Buffer
	err := Main([]string{"--socket", filepath.Join(t.TempDir(), "none"), "get", "os"}, &out, &errs)
	if err == nil || !strings.Contains(err.Error(), "asking the API: ") {
		t.Errorf("error %v", err)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "0.98 KiB", 64 << 20: "64.0 MiB", 500 << 30: "500 GiB", 1 << 60: "1048576 TiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}
