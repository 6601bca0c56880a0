//go:build !linux

package sfu

import "net"

func tuneTCP(net.Conn) {}
