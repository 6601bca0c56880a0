package sfu

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The buffer is as big as wanted, or the log says why not.
func TestMediaSocketHasRoom(t *testing.T) {
	var log bytes.Buffer
	c, err := openSocket(&Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close() //nolint:errcheck // the test is over
	u, ok := c.(*udpConn)
	if !ok {
		t.Fatalf("%T", c)
	}
	small := u.readBuffer() < socketBuffer
	if warned := strings.Contains(log.String(), "rmem_max"); warned != small {
		t.Errorf("%d bytes, warned: %v", u.readBuffer(), warned)
	}
	b, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		t.Skip(err)
	}
	if most, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && most >= socketBuffer && small {
		t.Errorf("%d bytes, though the system allows %d", u.readBuffer(), most)
	}
}

// Whatever goes out in one batch arrives once, whole and in order for each
// address: with bundles, without, and where the kernel refuses a bundle.
func TestBatchesArriveWhole(t *testing.T) {
	for name, prepare := range map[string]func(*udpConn) error{
		"bundles":          func(*udpConn) error { return nil },
		"packet by packet": func(u *udpConn) error { u.out.bundles = false; return nil },
		"bundles refused": func(u *udpConn) (err error) {
			// without checksums the kernel takes none
			return errors.Join(u.raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)
			}), err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := openSocket(&Config{Logger: slog.New(slog.DiscardHandler)}, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close() //nolint:errcheck // the test is over
			u, ok := c.(*udpConn)
			if !ok {
				t.Fatalf("%T", c)
			}
			if err := prepare(u); err != nil {
				t.Fatal(err)
			}
			var to [2]*net.UDPConn
			for i := range to {
				if to[i], err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
					t.Fatal(err)
				}
				defer to[i].Close() //nolint:errcheck // the test is over
			}
			// Two in turns, of sizes that stay, grow and shrink.
			sizes := []int{1000, 1000, 1001, 1001, 80, 1200, 1200, 1200, 80, 80, 300}
			var ds []datagram
			for i := range writeMax {
				var d datagram
				d.n, d.addr = sizes[i/2%len(sizes)], unmapped(to[i%2].LocalAddr().(*net.UDPAddr).AddrPort())
				d.buf[0], d.buf[d.n-1] = byte(i), byte(i)
				ds = append(ds, d)
			}
			if refused, err := u.writeBatch(ds); err != nil || refused > 0 {
				t.Fatalf("%d refused, %v", refused, err)
			}
			if bundled := u.out.want < writeMax; bundled != u.out.bundles {
				t.Errorf("%d messages for %d packets", u.out.want, writeMax)
			}
			var buf [2000]byte
			for i := range ds {
				r := to[i%2]
				if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
					t.Fatal(err)
				}
				if n, err := r.Read(buf[:]); err != nil || n != ds[i].n || buf[0] != byte(i) || buf[n-1] != byte(i) {
					t.Fatalf("packet %d: %d bytes, %d first, %v", i, n, buf[0], err)
				}
			}
		})
	}
}
