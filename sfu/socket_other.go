//go:build !linux

package sfu

import "net"

// newUDPConn goes packet by packet where there is no recvmmsg.
func newUDPConn(c *net.UDPConn) (batchConn, error) { return newPlainConn(c) }
