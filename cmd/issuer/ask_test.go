package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPersonSeesHowFarItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		live bool
		want string
	}{
		"at a terminal": {true, "\rchanging … 1 s\x1b[K\rchanging: 5000 of 5002 … 2 s\x1b[K\r\x1b[K"},
		"in a pipe":     {false, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			step, stop := (&program{stderr: &out, live: c.live}).during("changing")
			time.Sleep(1500 * time.Millisecond)
			step(5000, 5002)
			time.Sleep(time.Second)
			stop()
			if got := out.String(); got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		})
	}
}
