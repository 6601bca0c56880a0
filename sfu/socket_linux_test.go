package sfu

import (
	"bytes"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
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
