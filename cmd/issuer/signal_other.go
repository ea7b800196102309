//go:build !unix

package main

import "os"

// notifyToggle sends nothing: there is no signal for it here.
func notifyToggle(chan<- os.Signal) {}
