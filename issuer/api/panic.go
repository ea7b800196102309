package api

import (
	"fmt"
	"runtime"
)

// panicError is a panic of a handler. The stack is for the log alone.
type panicError struct {
	value any
	stack []byte
}

// Error tells what the runtime found, and of any other value no more than its type: it may hold what a request said. The
// stack tells where.
func (p *panicError) Error() string {
	if found, ok := p.value.(runtime.Error); ok {
		return "panic: " + found.Error()
	}
	return fmt.Sprintf("panic with a %T", p.value)
}

// deepest is how many calls a stack shows, from the innermost on.
const deepest = 64

// stack tells by function, file and line where its caller is, the innermost call first. debug.Stack would show the words that functions
// were called with, too, and a key may be among them.
func stack() []byte {
	var calls [deepest]uintptr
	frames := runtime.CallersFrames(calls[:runtime.Callers(2, calls[:])]) // neither Callers nor stack itself
	var text []byte
	for {
		frame, more := frames.Next()
		text = fmt.Appendf(text, "%s\n\t%s:%d\n", frame.Function, frame.File, frame.Line)
		if !more {
			return text
		}
	}
}
