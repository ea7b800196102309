package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// heard asks /livez under an id, whose line is of the level debug, and tells whether it is in the log. What is asked
// behind it is always there.
func (s served) heard(t testing.TB, id string) bool {
	t.Helper()
	for _, r := range []struct{ path, id string }{{"/livez", id}, {"/none", id + "-behind"}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+r.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Request-Id", r.id)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	return strings.Contains(s.stderr.await(t, `"`+id+`-behind"`, s.ended), `"`+id+`"`)
}

func TestTheLogLevelIsChangedWhileTheServiceRuns(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	toggles := make(chan os.Signal)
	s := listening(t, startProgram(t, program{environ: onFiles(t, server.URL, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken)), toggles: toggles}, "serve"))
	s.awaitReady(t)
	set := func(level string) {
		t.Helper()
		want := `{"configured":"info","level":"` + level + `"}`
		if status, text := s.operate(t, operatorToken, http.MethodPut, "log-level", `{"level":"`+level+`"}`); status != 200 || text != want {
			t.Fatalf("%d %s", status, text)
		}
		if _, text := s.operate(t, operatorToken, http.MethodGet, "log-level", ""); text != want {
			t.Errorf("it is %s", text)
		}
	}
	const signal = `"actor":"signal"`
	for i, step := range []struct {
		change func()
		line   string // what the log says of it
		debug  bool
	}{
		{func() {}, "", false},
		{func() { set("debug") }, `"from":"info","to":"debug","actor":"admin:token-`, true},
		{func() { toggles <- syscall.SIGUSR1 }, `"from":"debug","to":"info",` + signal, false},
		{func() { toggles <- syscall.SIGUSR1 }, `"from":"info","to":"debug",` + signal, true},
		{func() { set("info") }, `"from":"debug","to":"info","actor":"admin:token-`, false},
	} {
		step.change()
		s.stderr.await(t, step.line, s.ended)
		if got := s.heard(t, "step-"+string(rune('a'+i))); got != step.debug {
			t.Errorf("step %d: debug lines are written: %t", i, got)
		}
	}
	set("error") // after which even the line of an operator's request is too little, but not who set it
	s.stderr.await(t, `"from":"info","to":"error","actor":"admin:token-`, s.ended)
	if status, _ := s.operate(t, "a wrong one", http.MethodGet, "keys", ""); status != 401 {
		t.Errorf("status %d", status)
	}
	set("info")
	if text := s.stderr.await(t, `"from":"error","to":"info"`, s.ended); strings.Contains(text, `"credentials_refused"`) {
		t.Error("at the level error a line of the level info is written")
	}
}

func TestTheSettingsSayWhichLevelTheSignalLeadsBackTo(t *testing.T) {
	t.Parallel()
	for configured, want := range map[string]string{"debug": "debug info debug", "info": "info debug info", "warn": "warn debug warn", "error": "error debug error"} {
		l := openLog(settings{LogLevel: configured}, newOutput(), false)
		var seen []string
		for range 3 {
			now, _ := l.Level()
			seen = append(seen, now)
			l.toggle("signal")
		}
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("%q: %s, want %s", configured, got, want)
		}
	}
}

// TestASignalOfTheSystemTogglesTheLogLevel: of a process, since the signal is one's.
func TestASignalOfTheSystemTogglesTheLogLevel(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	p := startProcess(t, onFiles(t, server.URL), "serve")
	p.stderr.await(t, `"message":"listening"`, p.ended)
	for _, want := range []string{`"from":"info","to":"debug"`, `"from":"debug","to":"info"`} {
		if err := p.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		p.stderr.await(t, want, p.ended)
	}
	if code := p.end(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}
