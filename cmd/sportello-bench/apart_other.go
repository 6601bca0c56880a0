//go:build !linux

package main

import "os/exec"

// apart would keep servers and participants on cores of their own.
type apart struct{}

func newApart() *apart { return nil }

func (*apart) start(cmd *exec.Cmd) error { return cmd.Start() }
