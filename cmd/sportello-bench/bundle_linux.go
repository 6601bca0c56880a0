package main

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bundleMost is how many packets every kernel cuts a message into (UDP_MAX_SEGMENTS).
const bundleMost = 64

// cutInto is the control message that says into what sizes a message is cut.
func cutInto(size int) []byte {
	b := make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0])) //nolint:gosec // as cmsg(3) has it
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(size)) //nolint:gosec // a packet's
	return b
}
