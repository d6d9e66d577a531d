package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// New returns this host.
func New() Host { return Host{Root: "/", DM: Kernel{}, StatFS: statFS} }

func statFS(path string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return Space{}, err
	}
	unit := uint64(s.Frsize)
	return Space{Size: s.Blocks * unit, Available: s.Bavail * unit}, nil
}

// Kernel is the device-mapper of the running kernel, spoken to by ioctl; it
// needs CAP_SYS_ADMIN.
type Kernel struct{}

// Layout and numbers of linux/dm-ioctl.h, interface 4.0.
const (
	dmControl     = "/dev/mapper/control"
	dmTableStatus = 0xc138fd0c // _IOWR(0xfd, 12, struct dm_ioctl)
	dmStatusTable = 1 << 4     // DM_STATUS_TABLE_FLAG: the table, not the status
	dmBufferFull  = 1 << 8     // DM_BUFFER_FULL_FLAG
	dmHeader      = 312        // sizeof(struct dm_ioctl)
	dmSpec        = 40         // sizeof(struct dm_target_spec)
	dmBuffer      = 16 << 10
)

// Table implements DeviceMapper.
func (Kernel) Table(majorMinor string) ([]Target, error) {
	return tableStatus(majorMinor, dmStatusTable)
}

// Status implements DeviceMapper.
func (Kernel) Status(majorMinor string) ([]Target, error) { return tableStatus(majorMinor, 0) }

func tableStatus(majorMinor string, flags uint32) ([]Target, error) {
	request, err := encodeRequest(majorMinor, flags)
	if err != nil {
		return nil, err
	}
	control, err := os.OpenFile(dmControl, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("opening device-mapper: %w", err)
	}
	defer control.Close()
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, control.Fd(), dmTableStatus, uintptr(unsafe.Pointer(&request[0])))
	runtime.KeepAlive(request)
	if errno != 0 {
		return nil, fmt.Errorf("asking device-mapper: %w", errno)
	}
	return decodeReply(request)
}

// encodeRequest fills a struct dm_ioctl: version[3], data_size, data_start,
// target_count, open_count, flags, event_nr, padding, dev (huge encoding), …
func encodeRequest(majorMinor string, flags uint32) ([]byte, error) {
	major, minor, _ := strings.Cut(majorMinor, ":")
	ma, err1 := strconv.ParseUint(major, 10, 12)
	mi, err2 := strconv.ParseUint(minor, 10, 20)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("device number %q: %w", majorMinor, err)
	}
	b := make([]byte, dmBuffer)
	le := binary.NativeEndian
	le.PutUint32(b[0:], 4) // version 4.0.0 is the oldest with this layout
	le.PutUint32(b[12:], dmBuffer)
	le.PutUint32(b[16:], dmHeader)
	le.PutUint32(b[28:], flags)
	le.PutUint64(b[40:], unix.Mkdev(uint32(ma), uint32(mi)))
	return b, nil
}

// decodeReply walks the struct dm_target_spec that follow the header; next
// counts from the start of the first of them, params from the end of its own.
func decodeReply(b []byte) ([]Target, error) {
	le := binary.NativeEndian
	if len(b) < dmHeader {
		return nil, fmt.Errorf("reply of %d bytes is too short", len(b))
	}
	start, count := le.Uint32(b[16:]), le.Uint32(b[20:])
	if le.Uint32(b[28:])&dmBufferFull != 0 {
		return nil, errors.New("the table is larger than the buffer")
	}
	if start < dmHeader || uint64(start) > uint64(len(b)) {
		return nil, fmt.Errorf("reply starts at byte %d of %d", start, len(b))
	}
	data := b[start:]
	var targets []Target
	for at := uint32(0); count > 0; count-- {
		if uint64(at)+dmSpec > uint64(len(data)) {
			return nil, fmt.Errorf("target at byte %d runs past the reply", at)
		}
		spec, params := data[at:at+dmSpec], data[at+dmSpec:]
		next := le.Uint32(spec[20:])
		targets = append(targets, Target{Type: cString(spec[24:40]), Params: cString(params)})
		if count > 1 && next <= at {
			return nil, fmt.Errorf("target at byte %d points back to %d", at, next)
		}
		at = next
	}
	return targets, nil
}

func cString(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}
