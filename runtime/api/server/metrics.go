package server

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/config"
)

// scrapeTimeout bounds what systemd and the kernel are asked for a scrape.
const scrapeTimeout = 5 * time.Second

func newRequestCounter() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "slipway_api_requests_total", Help: "Requests by method and HTTP status.",
	}, []string{"method", "status"})
}

// metricsHandler answers with figures in Prometheus' text format.
func (s *Server) metricsHandler() Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		hostCollector{s}, s.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	h := promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

// gauge describes one figure.
func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("slipway_"+name, help, labels, nil)
}

// The figures of the host.
var (
	buildInfo      = gauge("build_info", "Always 1; what runs is in the labels.", "variant", "version", "build", "kernel", "slot")
	bootCount      = gauge("boot_count", "Boots of this host.")
	healthStatus   = gauge("health_status", "1 for the status that the host has.", "status")
	healthCheck    = gauge("health_check", "1 if the check is ok, else 0.", "check")
	unitsFailed    = gauge("units_failed", "Units in state failed.")
	stateSize      = gauge("state_size_bytes", "Size of the STATE file system.")
	stateAvailable = gauge("state_available_bytes", "Free bytes of the STATE file system.")
	settingsSeq    = gauge("settings_seq", "Number of the last change of the settings.")
	settingsTx     = gauge("settings_transactions", "Transactions that hold something.")
	settingsSize   = gauge("settings_store_bytes", "Size of the settings file.")
	settingsTrial  = gauge("settings_trial", "1 while a change waits to be confirmed.")
)

// hostCollector looks at everything at each scrape.
type hostCollector struct{ s *Server }

// Describe implements prometheus.Collector: without descriptions, each scrape
// may give other figures.
func (c hostCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c hostCollector) Collect(out chan<- prometheus.Metric) {
	put := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	c.host(put)
	c.settings(put)
}

type put func(d *prometheus.Desc, v float64, labels ...string)

func (c hostCollector) host(put put) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	os := c.s.os()
	put(buildInfo, 1, os.VariantID, os.VersionID, os.BuildID, os.Kernel, os.Slot)
	put(bootCount, float64(os.Boot.Count))
	put(stateSize, float64(os.State.SizeBytes))
	put(stateAvailable, float64(os.State.AvailableBytes))
	h := c.s.Monitor.Health(ctx)
	for _, status := range []api.Status{api.Starting, api.Good, api.Degraded} {
		put(healthStatus, number(h.Status == status), string(status))
	}
	for _, check := range h.Checks {
		put(healthCheck, number(check.OK), check.Name)
	}
	put(unitsFailed, float64(len(h.FailedUnits)))
}

func (c hostCollector) settings(put put) {
	if c.s.Manager == nil {
		return
	}
	st := c.s.Manager.Store
	put(settingsSeq, float64(st.Seq()))
	put(settingsTx, float64(len(st.Transactions())))
	c.s.changing.Lock()
	trial := c.s.trial != nil
	c.s.changing.Unlock()
	put(settingsTrial, number(trial))
	if info, err := os.Stat(c.s.path(filepath.Join(config.StoreDir, "settings.json"))); err == nil {
		put(settingsSize, float64(info.Size()))
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
