//go:build !linux

package main

import "syscall"

// removeNetwork does nothing: the image runs only on Linux.
func removeNetwork(*syscall.SysProcAttr) {}
