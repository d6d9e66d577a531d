package userdata

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata/imds"
	"github.com/slipway-os/slipway/runtime/userdata/imds/imdstest"
)

func TestMetadataURL(t *testing.T) {
	const dmi = "/sys/class/dmi/id/"
	for _, tc := range []struct {
		name string
		host files
		url  string
		ok   bool
	}{
		{"nothing", nil, imds.DefaultBase, false},
		{"QEMU", files{dmi + "sys_vendor": "QEMU\n", dmi + "bios_version": "1.16.2-debian"}, imds.DefaultBase, false},
		{"retailer's laptop", files{dmi + "sys_vendor": "Amazon\n"}, imds.DefaultBase, false},
		{"Nitro", files{dmi + "sys_vendor": "Amazon EC2\n"}, imds.DefaultBase, true},
		{"metal", files{dmi + "sys_vendor": "Intel\n", dmi + "chassis_asset_tag": "Amazon EC2\n"}, imds.DefaultBase, true},
		{"BIOS", files{dmi + "bios_vendor": "Amazon EC2\n"}, imds.DefaultBase, true},
		{"Xen", files{dmi + "sys_vendor": "Xen\n", dmi + "bios_version": "4.11.amazon\n"}, imds.DefaultBase, true},
		{"hypervisor's word", files{fwCfgMetadata: "http://10.0.2.2:8000\n"}, "http://10.0.2.2:8000", true},
		{"not text", files{dmi + "sys_vendor": "\xff\xfe"}, imds.DefaultBase, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if url, ok := tc.host.host(t).MetadataURL(); url != tc.url || ok != tc.ok {
				t.Errorf("MetadataURL = %q, %t, want %q, %t", url, ok, tc.url, tc.ok)
			}
		})
	}
}

func TestGatherMetadata(t *testing.T) {
	for _, tc := range []struct {
		name  string
		items map[string]string
		host  files
		want  Result // Err apart
		err   string
	}{
		{name: "nothing", want: Result{Values: settings.Values{}, Generated: settings.Values{}}},
		{
			name:  "all",
			items: map[string]string{imds.PathUserData: motd("hi"), imds.PathHostname: "ip-10-0-0-1.ec2.internal\n"},
			want: Result{
				Values:    settings.Values{"motd": []byte(`"hi"`)},
				Generated: settings.Values{"network.hostname": []byte(`"ip-10-0-0-1.ec2.internal"`)},
				Sources:   []string{metadataSource},
			},
		},
		{
			name:  "packed",
			items: map[string]string{imds.PathUserData: string(pack(t, motd("hi")))},
			want:  Result{Values: settings.Values{"motd": []byte(`"hi"`)}, Generated: settings.Values{}, Sources: []string{metadataSource}},
		},
		{
			name:  "local overrides win",
			items: map[string]string{imds.PathUserData: motd("hi") + "api.virtio-serial = true\n", imds.PathHostname: "ip"},
			host:  files{overridesFile: motd("mine") + "network.hostname = \"mine\"\n"},
			want:  Result{Values: settings.Values{"api.virtio-serial": []byte("true")}, Generated: settings.Values{}, Sources: []string{metadataSource}},
		},
		{
			name:  "broken local overrides",
			items: map[string]string{imds.PathUserData: motd("hi")},
			host:  files{overridesFile: motd("mine") + "motd"},
			want:  Result{Values: settings.Values{"motd": []byte(`"hi"`)}, Generated: settings.Values{}, Sources: []string{metadataSource}},
		},
		{
			name:  "mistake",
			items: map[string]string{imds.PathUserData: "[settings]\nmotd = 1\n", imds.PathHostname: "ip"},
			want:  Result{Values: settings.Values{}, Generated: settings.Values{"network.hostname": []byte(`"ip"`)}},
			err:   "EC2 metadata: line 2: settings.motd: ",
		},
		{
			name:  "cloud-init",
			items: map[string]string{imds.PathUserData: "#cloud-config\n"},
			want:  Result{Values: settings.Values{}, Generated: settings.Values{}},
			err:   "EC2 metadata: line 1: this is #cloud-config",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := httptest.NewServer(&imdstest.Service{Items: tc.items})
			defer srv.Close()
			got := GatherMetadata(t.Context(), &imds.Client{Base: srv.URL}, tc.host.host(t), settings.Base())
			if (tc.err == "") != (got.Err == nil) || got.Err != nil && !strings.HasPrefix(got.Err.Error(), tc.err) {
				t.Errorf("error %v, want %q", got.Err, tc.err)
			}
			got.Err = nil
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("GatherMetadata (-want +got):\n%s", d)
			}
		})
	}
}

func TestGatherMetadataOfNobody(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close() // nobody listens there any more
	c := &imds.Client{Base: srv.URL, Attempts: 2, Pause: func(context.Context, time.Duration) error { return nil }}
	r := GatherMetadata(t.Context(), c, Host{Root: t.TempDir()}, settings.Base())
	var bad *SourceError
	if !errors.As(r.Err, &bad) || bad.Source != metadataSource || len(r.Values) > 0 || !strings.Contains(r.Err.Error(), "2 attempts") {
		t.Errorf("GatherMetadata = %+v", r)
	}
}
