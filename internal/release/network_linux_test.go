package main

import "syscall"

// removeNetwork gives a process a network of its own, which has no interface that is up.
func removeNetwork(attributes *syscall.SysProcAttr) { attributes.Cloneflags = syscall.CLONE_NEWNET }
