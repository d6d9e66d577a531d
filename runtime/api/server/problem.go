package server

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// problem makes a problem document; key is the parameter or setting to blame,
// or "".
func problem(status int, key, format string, args ...any) *api.Problem {
	return &api.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: fmt.Sprintf(format, args...), Key: key,
	}
}

// problemOf turns an error of the settings or the store into the document that
// a client should get; nil stays nil, and what is no client's fault is left
// alone.
func problemOf(err error) error {
	if err == nil {
		return nil
	}
	if mistakes := mistakesIn(err); len(mistakes) > 0 {
		return refused(mistakes)
	}
	var template *render.Error
	if errors.As(err, &template) {
		return problem(http.StatusBadRequest, fullKey(template.Key), "%s", oneLine(err))
	}
	for _, c := range []struct {
		is     error
		status int
		key    string
	}{
		{store.ErrName, http.StatusBadRequest, "tx"},
		{store.ErrInvalid, http.StatusBadRequest, ""},
		{store.ErrNoPending, http.StatusUnprocessableEntity, "tx"},
		{store.ErrRefused, http.StatusBadRequest, ""},
		{store.ErrTooLarge, http.StatusRequestEntityTooLarge, ""},
		{store.ErrTooMany, http.StatusTooManyRequests, "tx"},
		{store.ErrMoved, http.StatusConflict, ""},
		{syscall.ENOSPC, http.StatusInsufficientStorage, ""},
		{syscall.EDQUOT, http.StatusInsufficientStorage, ""},
	} {
		if errors.Is(err, c.is) {
			return problem(c.status, c.key, "%s", oneLine(err))
		}
	}
	return err
}

// refused is the problem of settings that are not as they should be.
func refused(mistakes []api.Mistake) *api.Problem {
	first := mistakes[0]
	p := problem(http.StatusBadRequest, first.Key, "%s", first.String())
	if first.Key != "" { // Error says the key before the detail
		first.Key, first.At = "", ""
		p.Detail = first.String()
	}
	if len(mistakes) > 1 {
		p.Detail = fmt.Sprintf("%d mistakes, the first: %s", len(mistakes), p.Detail)
	}
	p.Errors = mistakes
	return p
}

// mistakesIn lists what the schema found wrong.
func mistakesIn(err error) []api.Mistake {
	var all []api.Mistake
	for _, g := range settings.UnknownGroups(err) {
		key := fullKey(settings.Key{g.Group}.String())
		all = append(all, api.Mistake{Key: key, Line: g.Line, Message: unknownGroup(g)})
	}
	for _, p := range settings.Problems(err) {
		all = append(all, api.Mistake{
			Key: fullKey(p.Key), At: p.At, Line: p.Line, Expected: p.Expected, Found: p.Found, Message: p.Message,
		})
	}
	return all
}

func unknownGroup(g *settings.UnknownGroupError) string {
	if g.Variant != "" {
		return fmt.Sprintf("this group belongs to another variant (%s)", g.Variant)
	}
	return "no such group of settings"
}
