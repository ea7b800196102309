package main

import (
	"fmt"
	"io"
)

// fmt looks past the Format of a value in an unexported field. So whatever holds settings says itself that it does, and
// shows nothing more, whatever the verb.

// Format writes what it is.
func (settings) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "settings (not shown)") }

// Format writes what it is.
func (service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "service (not shown)") }

// Format writes what it is.
func (ringTools) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "ring tools (not shown)") }

// Format writes what it is: the environment holds every secret there is.
func (program) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "program (not shown)") }
