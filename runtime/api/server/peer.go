package server

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Doors that requests come through.
const (
	doorUnix   = "unix"
	doorSerial = "virtio-serial"
	doorDaemon = "daemon" // this daemon itself, such as when a trial ends
)

// A Peer is who asks, as the kernel says.
type Peer struct {
	Door string      // doorUnix, doorSerial; "" where it is not known
	Cred *unix.Ucred // nil at doors without credentials
	Exe  string      // the program, as far as it can be told
}

// root reports whether the peer is root on this host, and so may see secrets.
// Members of the group api and the hypervisor may change them, not read them.
func (p Peer) root() bool { return p.Door == doorUnix && p.Cred != nil && p.Cred.Uid == 0 }

type peerKey struct{}

// PeerOf returns who sent the request.
func PeerOf(r *http.Request) Peer {
	p, _ := r.Context().Value(peerKey{}).(Peer)
	return p
}

// withPeer is for http.Server.ConnContext: it asks the kernel once for each
// connection who is at its other end.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, peerOf(c))
}

func peerOf(c net.Conn) Peer {
	if inner, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = inner.NetConn()
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return Peer{Door: doorSerial}
	}
	p := Peer{Door: doorUnix}
	raw, err := u.SyscallConn()
	if err != nil {
		return p
	}
	var cred *unix.Ucred
	cerr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil || cerr != nil {
		return p
	}
	p.Cred = cred
	p.Exe = exeOf(cred.Pid)
	return p
}

// exeOf names the program of a process; it may have ended since.
func exeOf(pid int32) string {
	if pid <= 0 {
		return ""
	}
	dir := filepath.Join("/proc", strconv.Itoa(int(pid)))
	if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		return exe
	}
	comm, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil || len(comm) == 0 {
		return ""
	}
	return string(comm[:len(comm)-1])
}
