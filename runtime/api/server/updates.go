package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
)

// Of what the updater is asked. It has the network, which this server has not,
// and is started by systemd when somebody asks for it.
const (
	updaterTimeout   = 25 * time.Second
	maxUpdaterAnswer = 1 << 20 // bytes
)

// updateRoutes are answered by the updater.
func (s *Server) updateRoutes() []Route {
	client := &http.Client{Timeout: updaterTimeout, Transport: &http.Transport{
		DisableKeepAlives: true, // it may end at any time
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.path(api.UpdaterSocket))
		},
	}}
	ask := func(w http.ResponseWriter, r *http.Request) error { return askUpdater(client, w, r) }
	silent := Content{Status: 503, Doc: "the updater does not answer", Type: api.ContentTypeProblem, Value: api.Problem{}}
	routes := []Route{{
		Method: http.MethodGet, Path: api.PathUpdatesStatus, Summary: "How far an update of the system is.", Handle: ask,
		Answers: []Content{{Status: 200, Doc: "also while a command is under way", Value: api.UpdateStatus{}}, silent},
	}}
	for _, c := range []struct {
		path, summary, done string
		params              []Param
	}{
		{path: api.PathRefreshUpdates, summary: "Look at the update repository.", done: "it is being looked at; the status says what was found"},
		{path: api.PathPrepareUpdate, summary: "Write the chosen version into the other slot.", done: "it is being written; the status says how far"},
		{path: api.PathActivateUpdate, summary: "Make the prepared version the one that boots next.", done: "it is"},
		{path: api.PathDeactivateUpdate, summary: "Take that back; the version stays prepared.", done: "this version boots next"},
		{path: api.PathCancelUpdate, summary: "Give up an update, however far it is.", done: "nothing is under way"},
		{path: api.PathRollback, summary: "Make the other slot boot next, with the version that was good before.", done: "it does"},
		{
			path: api.PathForgetFailed, summary: "Let versions that failed on this host be taken again.", done: "they are not known as failed any more",
			params: []Param{{Name: "version", Type: "string", Doc: "only this version, or root hash"}},
		},
	} {
		routes = append(routes, Route{
			Method: http.MethodPost, Path: c.path, Summary: c.summary, Params: c.params, Handle: ask,
			Answers: []Content{{Status: 204, Doc: c.done}, silent},
		})
	}
	return routes
}

// askUpdater passes a request on and its answer back.
func askUpdater(client *http.Client, w http.ResponseWriter, r *http.Request) error {
	to := "http://updater" + r.URL.Path
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(r.Context(), method, to, nil)
	if err != nil {
		return fmt.Errorf("asking the updater: %w", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return problem(http.StatusServiceUnavailable, "", "the updater does not answer: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxUpdaterAnswer))
	if err != nil {
		return problem(http.StatusServiceUnavailable, "", "the updater stopped in its answer: %v", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		noteOf(r).err = res.Status // the audit log has no more of it
	}
	if kind := res.Header.Get("Content-Type"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	w.WriteHeader(res.StatusCode)
	if len(body) == 0 {
		return nil
	}
	_, err = w.Write(body)
	return err
}
