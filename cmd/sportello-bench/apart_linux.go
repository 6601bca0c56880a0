package main

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// apart keeps the servers on the first core and the participants on the others.
type apart struct{ first, others unix.CPUSet }

// newApart is nil where there is one core only.
func newApart() *apart {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil || all.Count() < 2 {
		return nil
	}
	a := &apart{}
	for i := range len(all) * 64 {
		switch {
		case !all.IsSet(i):
		case a.first.Count() == 0:
			a.first.Set(i)
		default:
			a.others.Set(i)
		}
	}
	return a
}

// start starts a server; a nil apart starts it anywhere.
func (a *apart) start(cmd *exec.Cmd) error {
	if a == nil {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedSetaffinity(0, &a.first); err != nil { // the child inherits it
		return cmd.Start()
	}
	err := cmd.Start()
	// All threads of this process; one that cannot be moved stays, no more.
	threads, _ := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = unix.SchedSetaffinity(id, &a.others)
		}
	}
	return err
}
