package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init must be the first call of main in every program that uses Run: in the
// re-executed process it sets the sandbox up, runs the commands and exits; in
// any other it returns at once.
func Init() {
	if len(os.Args) != 2 || os.Args[1] != initArg || os.Getpid() != 1 {
		return
	}
	runtime.LockOSThread()
	resultPipe := os.NewFile(4, "result")
	syscall.CloseOnExec(3)
	syscall.CloseOnExec(4)
	r := runInit(os.NewFile(3, "config"))
	json.NewEncoder(resultPipe).Encode(r)
	if r.Error != "" || r.Code != 0 {
		os.Exit(1)
	}
	os.Exit(0)
}

func runInit(config *os.File) result {
	var cfg Config
	if err := json.NewDecoder(config).Decode(&cfg); err != nil {
		return result{Error: fmt.Sprintf("reading configuration: %v", err)}
	}
	if err := enter(cfg); err != nil {
		return result{Error: err.Error()}
	}
	for _, c := range cfg.Commands {
		if r := runCommand(cfg, c); r.Error != "" || r.Code != 0 {
			return r
		}
	}
	return result{}
}

// enter builds the mount tree and moves into it. Afterwards no host path can be
// reached: the old root is unmounted.
func enter(cfg Config) error {
	if err := unix.Sethostname([]byte(cfg.Hostname)); err != nil {
		return fmt.Errorf("setting host name: %w", err)
	}
	if cfg.Loopback && !cfg.Network {
		if err := loopbackUp(); err != nil {
			return fmt.Errorf("bringing lo up: %w", err)
		}
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	root := cfg.Root
	if err := unix.Mount(root, root, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("binding root %s: %w", root, err)
	}
	if err := mountDev(filepath.Join(root, "dev")); err != nil {
		return err
	}
	if err := unix.Mount("proc", filepath.Join(root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting proc: %w", err)
	}
	for _, t := range cfg.Tmpfs {
		if err := unix.Mount("tmpfs", filepath.Join(root, t), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
			return fmt.Errorf("mounting tmpfs on %s: %w", t, err)
		}
	}
	for _, b := range cfg.Binds {
		if err := bind(root, b); err != nil {
			return fmt.Errorf("binding %s at %s: %w", b.Source, b.Target, err)
		}
	}
	if err := readOnly(root); err != nil {
		return fmt.Errorf("making the root read-only: %w", err)
	}
	return pivot(root)
}

func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return fmt.Errorf("entering %s: %w", root, err)
	}
	// pivot_root(".", ".") stacks the old root on top of the new one
	// (pivot_root(2), NOTES), so that no folder for it is needed.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the old root: %w", err)
	}
	return unix.Chdir("/")
}

func bind(root string, b Bind) error {
	target := filepath.Join(root, b.Target)
	info, err := os.Stat(b.Source)
	if err != nil {
		return err
	}
	if err := makeTarget(target, info.IsDir()); err != nil {
		return err
	}
	if err := unix.Mount(b.Source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	if b.Writable || b.Device {
		return nil
	}
	return readOnly(target)
}

// makeTarget makes the mount point where it is missing. In the read-only root
// directory it is expected to be there; below a tmpfs it is created here.
func makeTarget(target string, dir bool) error {
	if _, err := os.Lstat(target); err == nil {
		return nil
	}
	if dir {
		return os.MkdirAll(target, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, nil, 0o644)
}

// readOnly remounts the one mount at target read-only and keeps the flags that
// an outer user namespace has locked (mount_namespaces(7)).
func readOnly(target string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(target, &st); err != nil {
		return err
	}
	flags := uintptr(unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY)
	flags |= uintptr(st.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME)
	if st.Flags&unix.ST_RELATIME != 0 {
		flags |= unix.MS_RELATIME
	}
	return unix.Mount("", target, "", flags, "")
}

// mountDev makes a /dev of the few devices that any program may expect. Device
// nodes cannot be made in a user namespace, so the host's are bound.
func mountDev(dev string) error {
	if err := unix.Mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return fmt.Errorf("mounting /dev: %w", err)
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := bind(dev, Bind{Source: "/dev/" + name, Target: name, Device: true}); err != nil {
			return fmt.Errorf("binding /dev/%s: %w", name, err)
		}
	}
	for _, name := range []string{"shm", "pts"} {
		if err := os.Mkdir(filepath.Join(dev, name), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("tmpfs", filepath.Join(dev, "shm"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
		return fmt.Errorf("mounting /dev/shm: %w", err)
	}
	if err := unix.Mount("devpts", filepath.Join(dev, "pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("mounting /dev/pts: %w", err)
	}
	links := map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return nil
}

func runCommand(cfg Config, c Command) result {
	cmd := &exec.Cmd{Args: c.Args, Dir: c.Dir, Env: append(append([]string{}, cfg.Env...), c.Env...)}
	path, err := lookPath(c.Args[0], cmd.Env)
	if err != nil {
		return result{Error: fmt.Sprintf("phase %s: %v", c.Phase, err)}
	}
	cmd.Path = path
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	unix.Umask(0o022)
	if cfg.UID != 0 {
		// A nested user namespace gives the fixed user without a second host id.
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: cfg.UID, HostID: 0, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: cfg.UID, HostID: 0, Size: 1}},
		}
	}
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return result{}
	case errors.As(err, &exit):
		code := exit.ExitCode()
		if code < 0 {
			code = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
		}
		return result{Phase: c.Phase, Args: c.Args, Code: code}
	default:
		return result{Error: fmt.Sprintf("phase %s: starting %q: %v", c.Phase, c.Args, err)}
	}
}
