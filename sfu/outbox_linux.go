//nolint:gosec // sendmmsg takes pointers; x/sys does not wrap it
package sfu

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	bundleMost  = 64    // packets; the least that any kernel takes (UDP_MAX_SEGMENTS)
	bundleBytes = 60000 // one UDP packet, to the kernel
)

// outbox sends a batch with as few messages as it takes: packets of one size to
// one address leave as a bundle, which the kernel cuts up late (UDP_SEGMENT), so
// that they share one walk through its layers. A picture's packets mostly are of
// one size.
type outbox struct {
	bundles bool // the kernel takes them
	all     [writeMax]bundle
	of      [writeMax]uint8 // the bundle of each datagram

	hdr [writeMax]mmsghdr
	iov [writeMax]unix.Iovec
	sa  [writeMax]unix.RawSockaddrInet6
	cm  [writeMax]segmentSize

	// what send works on
	want, sent, refused int
	fn                  func(fd uintptr) bool
}

// bundle is what goes to one address with one message: packets of one size, of
// which the last may be smaller.
type bundle struct {
	addr     netip.AddrPort
	size     int
	n, bytes int
	full     bool
	next     int // iovec of the next packet
}

// segmentSize is the control message that tells the size.
type segmentSize struct {
	hdr  unix.Cmsghdr
	size uint16
	_    [6]byte
}

// add finds the bundle for one more packet. Packets to one address keep their
// order: only the last bundle of an address grows.
func (o *outbox) add(d *datagram) uint8 {
	for k := o.want - 1; k >= 0 && o.bundles; k-- {
		b := &o.all[k]
		if b.addr != d.addr {
			continue
		}
		if b.full || d.n > b.size || b.n == bundleMost || b.bytes+d.n > bundleBytes {
			break
		}
		b.n++
		b.bytes += d.n
		b.full = d.n < b.size
		return uint8(k)
	}
	o.all[o.want] = bundle{addr: d.addr, size: d.n, n: 1, bytes: d.n}
	o.want++
	return uint8(o.want - 1)
}

// pack makes the messages of a batch.
func (o *outbox) pack(ds []datagram, encode func(*unix.RawSockaddrInet6, netip.AddrPort) uint32) {
	ds = ds[:min(len(ds), writeMax)]
	o.want, o.sent, o.refused = 0, 0, 0
	for i := range ds {
		o.of[i] = o.add(&ds[i])
	}
	at := 0
	for k := range o.want {
		b, h := &o.all[k], &o.hdr[k].hdr
		b.next = at
		h.Iov, h.Iovlen = &o.iov[at], uint64(b.n)
		h.Name = (*byte)(unsafe.Pointer(&o.sa[k]))
		h.Namelen = encode(&o.sa[k], b.addr)
		h.Control, h.Controllen = nil, 0
		if b.n > 1 {
			o.cm[k].hdr = unix.Cmsghdr{Len: uint64(unix.CmsgLen(2)), Level: unix.SOL_UDP, Type: unix.UDP_SEGMENT}
			o.cm[k].size = uint16(b.size)
			h.Control, h.Controllen = (*byte)(unsafe.Pointer(&o.cm[k])), uint64(unsafe.Sizeof(o.cm[k]))
		}
		at += b.n
	}
	for i := range ds {
		b := &o.all[o.of[i]]
		o.iov[b.next].Base = &ds[i].buf[0]
		o.iov[b.next].SetLen(ds[i].n)
		b.next++
	}
}

// send gives the socket what it takes now; false where it is full. Raw as recv is.
func (o *outbox) send(fd uintptr) bool {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&o.hdr[o.sent])), uintptr(o.want-o.sent), unix.MSG_DONTWAIT, 0, 0)
	switch e {
	case 0:
		o.sent += int(n)
	case unix.EAGAIN:
		return false
	case unix.EINTR:
	case unix.EIO, unix.EOPNOTSUPP: // the way out cannot make checksums late
		o.bundles = false
		fallthrough
	default: // this destination only, or its path is narrower than these packets
		o.singly(fd)
		o.sent++
	}
	return true
}

// singly sends the packets of a bundle that was refused, each as a message.
func (o *outbox) singly(fd uintptr) {
	h := o.hdr[o.sent].hdr
	if h.Iovlen == 1 {
		o.refused++
		return
	}
	b := &o.all[o.sent]
	h.Iovlen, h.Control, h.Controllen = 1, nil, 0
	for i := b.next - b.n; i < b.next; i++ {
		h.Iov = &o.iov[i]
		if _, _, e := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&h)), unix.MSG_DONTWAIT); e != 0 {
			o.refused++
		}
	}
}
