package ctrd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

var errUnavailable = errors.New("the server is gone")

// restarting is a process whose containerd is away for some questions.
type restarting struct {
	away   int   // how many
	back   error // what it says then
	code   uint32
	waited int
}

func (r *restarting) Status(context.Context) (containerd.Status, error) {
	if r.away > 0 {
		r.away--
		return containerd.Status{}, errUnavailable
	}
	return containerd.Status{}, r.back
}

func (r *restarting) Wait(context.Context) (<-chan containerd.ExitStatus, error) {
	r.waited++
	return ended(r.code, nil), nil
}

func ended(code uint32, err error) <-chan containerd.ExitStatus {
	c := make(chan containerd.ExitStatus, 1)
	c <- *containerd.NewExitStatus(code, time.Now(), err)
	return c
}

func TestAwait(t *testing.T) {
	for _, tc := range []struct {
		name   string
		exit   <-chan containerd.ExitStatus
		p      restarting
		code   int
		waited int
		err    string
	}{
		{name: "ended", exit: ended(7, nil), code: 7},
		{name: "containerd restarts", exit: ended(0, errUnavailable), p: restarting{away: 5, code: 3}, code: 3, waited: 1},
		{name: "it does not come back", exit: ended(0, errUnavailable), p: restarting{away: 1000}, err: "the server is gone"},
		{name: "it knows nothing of it", exit: ended(0, errUnavailable), p: restarting{back: errdefs.ErrNotFound}, err: "containerd has lost it: the server is gone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				code, err := await(t.Context(), &tc.p, tc.exit)
				if code != tc.code || tc.p.waited != tc.waited || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
					t.Errorf("await() = %d, %v after waiting again %d times", code, err, tc.p.waited)
				}
			})
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := await(ctx, &restarting{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
