package update

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/store"
)

// Handler answers the API server, on the paths of the API itself.
func (u *Updater) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathUpdatesStatus, func(w http.ResponseWriter, r *http.Request) {
		u.answer(w, http.StatusOK, "application/json", u.Status(r.Context()))
	})
	for path, do := range map[string]func() error{
		api.PathRefreshUpdates: u.Refresh, api.PathPrepareUpdate: u.Prepare, api.PathActivateUpdate: u.Activate,
		api.PathDeactivateUpdate: u.Deactivate, api.PathCancelUpdate: u.Cancel, api.PathRollback: u.Rollback,
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, _ *http.Request) { u.reply(w, do()) })
	}
	mux.HandleFunc("POST "+api.PathForgetFailed, func(w http.ResponseWriter, r *http.Request) {
		u.reply(w, u.Forget(r.URL.Query().Get("version")))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.Touch()
		mux.ServeHTTP(w, r)
	})
}

// reply answers a command: 204, or a problem document with the statuses that
// Bottlerocket has.
func (u *Updater) reply(w http.ResponseWriter, err error) {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status := statusOf(err)
	u.answer(w, status, api.ContentTypeProblem, api.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: oneLine(err),
	})
}

func statusOf(err error) int {
	for _, c := range []struct {
		is     error
		status int
	}{
		{ErrBusy, http.StatusLocked},
		{store.ErrLocked, http.StatusLocked},
		{ErrNoUpdate, http.StatusNotFound},
		{bootstate.ErrNoOther, http.StatusNotFound},
		{ErrState, http.StatusConflict},
		{bootstate.ErrPhase, http.StatusConflict},
		{bootstate.ErrOnTrial, http.StatusConflict},
		{bootstate.ErrRefused, http.StatusConflict},
		{bootstate.ErrNoEntry, http.StatusConflict},
	} {
		if errors.Is(err, c.is) {
			return c.status
		}
	}
	return http.StatusInternalServerError
}

func (u *Updater) answer(w http.ResponseWriter, status int, kind string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		u.Log.Error("encoding an answer", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	if _, err := w.Write(append(b, '\n')); err != nil {
		u.Log.Warn("answer was not sent", "error", err)
	}
}
