package devstack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrInUse says that another process keeps its servers in the folder.
var ErrInUse = errors.New("devstack: the folder is in use by another process")

// longestSocketDir leaves room for a socket's file name: the kernel takes
// paths of 107 bytes (unix(7)).
const longestSocketDir = 107 - len("/.s.PGSQL.5432.lock")

// Lock takes the folder for this process, creating it. It is free again when
// release is called or the process ends, however it ends.
func Lock(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the caller's own folder
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(f.Name())
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s (process %s)", ErrInUse, dir, strings.TrimSpace(string(holder)))
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	// Who holds it is a courtesy for the message above.
	_ = f.Truncate(0)
	_, _ = fmt.Fprintln(f, os.Getpid())
	return func() {
		// Closing alone leaves the lock to a child that is just being started
		// and has not yet let go of its copy.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		_ = f.Close()
	}, nil
}

// socketDir is where the sockets of dir live: in it, or, where that makes a
// path too long for a socket, in a folder of the same name's hash under /tmp.
func socketDir(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", dir, err)
	}
	run := filepath.Join(abs, "run")
	if len(run) > longestSocketDir {
		sum := sha256.Sum256([]byte(abs))
		run = filepath.Join("/tmp", fmt.Sprintf("sportello-%d-%s", os.Geteuid(), hex.EncodeToString(sum[:8])))
	}
	if err := os.MkdirAll(run, 0o700); err != nil {
		return "", fmt.Errorf("make the sockets' folder: %w", err)
	}
	info, err := os.Lstat(run)
	if err != nil {
		return "", fmt.Errorf("look at the sockets' folder: %w", err)
	}
	// /tmp is everybody's: a folder put there by another user is not ours.
	if st, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(st.Uid) != os.Geteuid() && os.Geteuid() != 0 {
		return "", fmt.Errorf("%s is not a folder of this user", run)
	}
	return run, nil
}

// reachable gives the folders of data and sockets to a user that is not us: dir
// and socket where others may pass through all that lies above, else a folder
// of the same name's hash under /var/tmp, which outlives a restart.
func reachable(dir, socket string) (data, run string, err error) {
	open := true
	for up := filepath.Dir(dir); open && up != filepath.Dir(up); up = filepath.Dir(up) {
		info, err := os.Stat(up)
		if err != nil {
			return "", "", fmt.Errorf("look at %s: %w", up, err)
		}
		open = info.Mode()&0o001 != 0
	}
	if open {
		return dir, socket, nil
	}
	sum := sha256.Sum256([]byte(dir))
	data = filepath.Join("/var/tmp", "sportello-"+hex.EncodeToString(sum[:8]))
	run = filepath.Join(data, "run")
	if err := os.MkdirAll(run, 0o700); err != nil {
		return "", "", fmt.Errorf("make a folder that the server's user can reach: %w", err)
	}
	for _, made := range []string{data, run} {
		// /var/tmp is everybody's: a link put there by another is not ours.
		if info, err := os.Lstat(made); err != nil || !info.IsDir() {
			return "", "", fmt.Errorf("%s is not a folder", made)
		}
	}
	return data, run, nil
}
