package sfutest

import (
	"net/netip"

	"github.com/pion/logging"
)

// Addrs parses addresses that the test's author wrote.
func Addrs(all ...string) []netip.Addr {
	out := make([]netip.Addr, len(all))
	for i, a := range all {
		out[i] = netip.MustParseAddr(a)
	}
	return out
}

// NoLogs is a pion logger factory that says nothing.
func NoLogs() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.DefaultLogLevel = logging.LogLevelDisabled
	return f
}
