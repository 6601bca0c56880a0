//nolint:gosec // recvmmsg and sendmmsg take pointers; x/sys wraps neither
package sfu

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2), which x/sys does not have.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
	_   [4]byte
}

// udpConn reads and writes batches of one UDP socket. x/net's ReadBatch would
// do, but allocates an address for each packet. readBatch and writeBatch belong
// to one goroutine: the loop.
type udpConn struct {
	c     *net.UDPConn
	raw   syscall.RawConn
	v4    bool // the machine has no IPv6
	local netip.AddrPort

	rh  [readMax]mmsghdr
	riv [readMax]unix.Iovec
	rsa [readMax]unix.RawSockaddrInet6
	out outbox

	letters sync.Pool // of *letter

	// what the callback below works on; it is made once, since a closure made
	// for each call would be an allocation
	want, got int
	errno     syscall.Errno
	readFn    func(fd uintptr) bool
}

func newUDPConn(c *net.UDPConn) (batchConn, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("sfu: media socket: %w", err)
	}
	u := &udpConn{c: c, raw: raw, letters: sync.Pool{New: newLetter}}
	a, _ := c.LocalAddr().(*net.UDPAddr)
	u.local = unmapped(a.AddrPort())
	var domain int
	var optErr error
	if err := raw.Control(func(fd uintptr) {
		domain, optErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		u.out.bundles = err == nil // Linux 4.18
	}); err != nil {
		return nil, fmt.Errorf("sfu: media socket: %w", err)
	}
	if optErr != nil {
		return nil, fmt.Errorf("sfu: media socket: %w", optErr)
	}
	u.v4 = domain == unix.AF_INET
	u.buffers()
	u.readFn, u.out.fn = u.recv, u.out.send
	return u, nil
}

// buffers makes the socket's as big as wanted where the process may go beyond
// the system's limit: the usual 208 KiB hold some 90 packets, which is a few
// milliseconds of a full machine, and one socket serves all.
func (u *udpConn) buffers() {
	_ = u.raw.Control(func(fd uintptr) { // without the right to, what there is stays
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer)
	})
}

// readBuffer is what the kernel made of it, which counts its own overhead too.
func (u *udpConn) readBuffer() (n int) {
	_ = u.raw.Control(func(fd uintptr) {
		n, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	return n
}

func (u *udpConn) recv(fd uintptr) bool {
	for i := range u.want {
		u.rh[i].hdr.Name = (*byte)(unsafe.Pointer(&u.rsa[i]))
		u.rh[i].hdr.Namelen = unix.SizeofSockaddrInet6
	}
	// It never waits. Raw, since each system call that the runtime hears of while
	// the process was idle wakes its monitor, which then runs every 20 µs.
	n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&u.rh[0])), uintptr(u.want), unix.MSG_DONTWAIT, 0, 0)
	if e == unix.EAGAIN {
		return false
	}
	u.errno, u.got = e, 0
	if e == 0 {
		u.got = int(n)
	}
	return true
}

func (u *udpConn) readBatch(ds []datagram) (int, error) {
	u.want = min(len(ds), readMax)
	for i := range u.want {
		u.riv[i].Base = &ds[i].buf[0]
		u.riv[i].SetLen(len(ds[i].buf))
		u.rh[i].hdr.Iov = &u.riv[i]
		u.rh[i].hdr.Iovlen = 1
	}
	if err := u.raw.Read(u.readFn); err != nil {
		return 0, err
	}
	if u.errno != 0 { // an ICMP error of an earlier packet ends nothing
		u.got = 0
	}
	for i := range u.got {
		ds[i].n = int(u.rh[i].n)
		ds[i].addr = u.decode(&u.rsa[i])
	}
	return u.got, nil
}

func (u *udpConn) writeBatch(ds []datagram) (refused int, err error) {
	return u.send(&u.out, ds)
}

func (u *udpConn) send(o *outbox, ds []datagram) (refused int, err error) {
	o.pack(ds, u.encode)
	for o.sent < o.want {
		if err := u.raw.Write(o.fn); err != nil {
			return o.refused, err
		}
	}
	return o.refused, nil
}

// udpWriter is a writer beside the loop, with an outbox of its own.
type udpWriter struct {
	u   *udpConn
	out outbox
}

func (u *udpConn) writer() batchWriter {
	w := &udpWriter{u: u}
	w.out.bundles, w.out.fn = u.out.bundles, w.out.send
	return w
}

func (w *udpWriter) writeBatch(ds []datagram) (refused int, err error) {
	return w.u.send(&w.out, ds)
}

func (u *udpConn) decode(sa *unix.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:])
	if sa.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr).Unmap(), port)
}

func (u *udpConn) encode(sa *unix.RawSockaddrInet6, a netip.AddrPort) uint32 {
	*sa = unix.RawSockaddrInet6{}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], a.Port())
	if u.v4 && a.Addr().Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		v4.Family, v4.Addr = unix.AF_INET, a.Addr().As4()
		return unix.SizeofSockaddrInet4
	}
	sa.Family, sa.Addr = unix.AF_INET6, a.Addr().As16()
	return unix.SizeofSockaddrInet6
}

func (u *udpConn) writeTo(b []byte, a netip.AddrPort) error {
	l, _ := u.letters.Get().(*letter)
	defer u.letters.Put(l)
	l.b, l.size = b, u.encode(&l.sa, a)
	if err := u.raw.Write(l.fn); err != nil {
		return err
	}
	if l.b = nil; l.errno != 0 {
		return os.NewSyscallError("sendto", l.errno)
	}
	return nil
}

// letter is a packet of pion's that is sent alone.
type letter struct {
	b     []byte
	sa    unix.RawSockaddrInet6
	size  uint32
	errno syscall.Errno
	fn    func(fd uintptr) bool
}

func newLetter() any {
	l := &letter{}
	l.fn = l.send
	return l
}

func (l *letter) send(fd uintptr) bool {
	_, _, l.errno = unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(l.b))), uintptr(len(l.b)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(&l.sa)), uintptr(l.size))
	return l.errno != unix.EAGAIN
}

func (u *udpConn) setReadDeadline(t time.Time) error { return u.c.SetReadDeadline(t) }
func (u *udpConn) localAddr() netip.AddrPort         { return u.local }
func (u *udpConn) close() error                      { return u.c.Close() }
