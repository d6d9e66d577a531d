package sdk

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Unpack fills the existing, empty folder dir with the archive's files. Owner
// is whoever calls; permissions and times are the archive's, whatever the
// umask. The archive must be trusted: see Root, which checks it first.
func Unpack(ctx context.Context, archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("opening the SDK archive: %w", err)
	}
	defer f.Close()
	skeleton, err := readChunk(f)
	if err != nil {
		return err
	}
	u := &unpacker{dir: dir}
	if err := u.chunk(skeleton); err != nil {
		return err
	}
	if err := u.rest(ctx, f); err != nil {
		return err
	}
	return u.finishFolders()
}

// unpacker is the state of one Unpack. Only the skeleton has folders.
type unpacker struct {
	dir     string
	folders []*tar.Header
}

// rest unpacks the chunks after the skeleton, several at once.
func (u *unpacker) rest(ctx context.Context, in io.Reader) error {
	group, running := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0) + 1)
	for running.Err() == nil {
		frame, err := readChunk(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		group.Go(func() error { return u.chunk(frame) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// chunk unpacks one frame.
func (u *unpacker) chunk(frame []byte) error {
	plain, err := decoder(frame)
	if err != nil {
		return fmt.Errorf("starting zstd: %w", err)
	}
	defer plain.Close()
	in := tar.NewReader(plain)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if err := u.entry(h, in); err != nil {
			return fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
	}
}

// entry makes one file, folder or link.
func (u *unpacker) entry(h *tar.Header, in io.Reader) error {
	if !filepath.IsLocal(h.Name) {
		return errors.New("the path leaves the root")
	}
	name := filepath.Join(u.dir, h.Name)
	switch h.Typeflag {
	case tar.TypeDir:
		u.folders = append(u.folders, h)
		return os.Mkdir(name, 0o755)
	case tar.TypeSymlink:
		if err := os.Symlink(h.Linkname, name); err != nil {
			return err
		}
		return setTime(name, h.ModTime)
	case tar.TypeLink:
		if !filepath.IsLocal(h.Linkname) {
			return errors.New("the link leaves the root")
		}
		return os.Link(filepath.Join(u.dir, h.Linkname), name)
	case tar.TypeReg:
		if err := writeFile(name, h, in); err != nil {
			return err
		}
		return setTime(name, h.ModTime)
	}
	return fmt.Errorf("the type %q is not known", h.Typeflag)
}

// writeFile makes a regular file.
func writeFile(name string, h *tar.Header, in io.Reader) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Chmod(permissions(h)), f.Close())
}

// finishFolders sets permissions and times of folders, which filling them
// would have changed.
func (u *unpacker) finishFolders() error {
	for _, h := range u.folders {
		name := filepath.Join(u.dir, h.Name)
		if err := errors.Join(os.Chmod(name, permissions(h)), setTime(name, h.ModTime)); err != nil {
			return fmt.Errorf("finishing %s: %w", h.Name, err)
		}
	}
	return nil
}

// permissions are the bits that os.Chmod takes.
func permissions(h *tar.Header) os.FileMode {
	return h.FileInfo().Mode() & (os.ModePerm | os.ModeSticky)
}

// setTime sets the modification time of a file or of a link itself.
func setTime(name string, t time.Time) error {
	spec := unix.NsecToTimespec(t.UnixNano())
	err := unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{spec, spec}, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("setting the time: %w", err)
	}
	return nil
}
