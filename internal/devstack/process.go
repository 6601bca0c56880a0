package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long a server may take to end before it is killed.
const stopGrace = 20 * time.Second

// answerLimit is how long a server may take to answer one asker: on a machine that
// is busy a first connection has taken seconds, and whoever gives up begins anew.
const answerLimit = 15 * time.Second

// process is a server that was started and is waited for.
type process struct {
	cmd  *exec.Cmd
	log  string // path of its output
	done chan struct{}
	err  error // valid once done is closed
}

// startProcess runs a server whose output goes to the file logPath. It ends
// with this process, however this process ends.
func startProcess(ctx context.Context, attr *syscall.SysProcAttr, logPath, bin string, args ...string) (*process, error) {
	out, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // the caller's own folder
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", filepath.Base(bin), err)
	}
	defer out.Close() //nolint:errcheck // the child has its own copy
	// The server outlives the call that starts it: stop ends it, not ctx.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), bin, args...) //nolint:gosec // the distribution's servers
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attr
	p := &process{cmd: cmd, log: logPath, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The signal of the parent's death follows the thread that forked, so
		// this thread must live exactly as long as the server.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(bin), err)
	}
	return p, nil
}

// awaitReady asks ready again and again until it answers, the server ends or
// ctx does.
func (p *process) awaitReady(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		attempt, cancel := context.WithTimeout(ctx, answerLimit)
		last = ready(attempt)
		cancel()
		if last == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended at start (%w):\n%s", filepath.Base(p.cmd.Path), exitError(p.err), p.logTail())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w; %w):\n%s", filepath.Base(p.cmd.Path), ctx.Err(), last, p.logTail())
		case <-tick.C:
		}
	}
}

// stop sends sig, waits, and kills what has not ended by then.
func (p *process) stop(sig os.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", filepath.Base(p.cmd.Path), err)
	}
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end within %v and was killed", filepath.Base(p.cmd.Path), stopGrace)
	}
}

func (p *process) logTail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	const most = 2000
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return string(bytes.TrimSpace(text))
}

// exitError gives a clean exit a text too.
func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// plain is how a server is started that runs as whoever we are.
func plain() *syscall.SysProcAttr {
	// A process group of its own: Ctrl-C in a terminal reaches this process
	// only, which drains first and stops its servers afterwards.
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
}

// unprivileged is how root starts what refuses to be root: as user 1000 of a
// user namespace, who is root outside and so owns root's files.
func unprivileged() *syscall.SysProcAttr {
	attr := plain()
	attr.Cloneflags = syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getegid(), Size: 1}}
	return attr
}

// asUser is how root starts a server as another user of the machine.
func asUser(name string) (*syscall.SysProcAttr, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("find the user to run as: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("group of %s: %w", name, err)
	}
	attr := plain()
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, nil
}

// awaitPredecessor waits for a server that still shuts down after the process
// that started it was killed. pidFile is where a server leaves its number,
// marker what its command line holds. A file whose process is gone is cleared:
// its number may be another's by now, which PostgreSQL takes for a server.
func awaitPredecessor(ctx context.Context, pidFile, marker string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(pidFile) //nolint:gosec // the caller's own folder
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the server's pid file: %w", err)
		}
		first, _, _ := strings.Cut(string(text), "\n")
		pid, err := strconv.Atoi(strings.TrimSpace(first))
		if err != nil || !runs(pid, marker) {
			if err := os.Remove(pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("clear a stale pid file: %w", err)
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("another server (process %d) runs here: %w", pid, ctx.Err())
		}
	}
}

// runs says whether pid is a process with marker in its command line.
func runs(pid int, marker string) bool {
	cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	return err == nil && strings.Contains(string(cmdline), marker)
}
