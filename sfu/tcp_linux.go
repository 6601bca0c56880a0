package sfu

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// tuneTCP keeps the kernel from queueing what is not on its way yet: what waits
// there can no longer be dropped when it is too late (tcp(7), and
// TCP_NOTSENT_LOWAT of Linux 3.12). Without it the call is slower, no more.
func tuneTCP(c net.Conn) {
	t, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, writeAtOnce)
	})
}
