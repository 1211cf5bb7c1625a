//go:build unix

package main

import "syscall"

// keepPrivate makes every file that the program creates its owner's alone: the
// data folder holds contact data and keys, and may stand open to others.
func keepPrivate() { syscall.Umask(0o077) }
