package adminapi

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// ProfilesPath is what the routes of Profiles are below, where the go tools look for them.
const ProfilesPath = "/debug/pprof/"

const (
	usualSeconds = 30 // of a CPU profile, as the go tools expect it
	mostSeconds  = 60
	admitTime    = 8 * time.Second  // for an operator's token to be judged
	sendTime     = 15 * time.Second // for a profile to be sent, once it is there
)

// Profiles answers the routes below /debug/pprof/: where this process spends its time and its memory. They are not those of
// net/http/pprof, which puts itself on a mux that everybody shares, shows the command line and what functions were called
// with, and lets a request last as long as it likes. What these show are names of functions, lines and numbers, nothing that
// the memory holds. It is an api.Operations, and safe for concurrent use.
type Profiles struct {
	guard  *Guard
	open   bool
	ending <-chan struct{}
	routes map[string]handler // by the name of the profile
}

// NewProfiles returns the routes for whom the guard lets in. Where they are open, since the listener is on loopback, programs
// of this machine need no credentials. A profile that is being taken when ending is closed ends early.
func NewProfiles(guard *Guard, open bool, ending <-chan struct{}) *Profiles {
	p := &Profiles{guard: guard, open: open, ending: ending}
	p.routes = map[string]handler{
		"": p.index, "profile": p.takeCPU, "heap": takeHeap,
		"allocs": take("allocs"), "goroutine": take("goroutine"), "threadcreate": take("threadcreate"),
	}
	return p
}

// AtMost is api.Patient's: a CPU profile lasts.
func (p *Profiles) AtMost() time.Duration { return admitTime + mostSeconds*time.Second + sendTime }

// Answer is api.Operations'. Whoever may not come in learns nothing of what is here.
func (p *Profiles) Answer(w http.ResponseWriter, r *http.Request, account *api.Account) error {
	if err := p.admit(r, account); err != nil {
		return err
	}
	name := strings.TrimPrefix(r.URL.EscapedPath(), ProfilesPath)
	handle, found := p.routes[name]
	if !found {
		return wire.Refuse(wire.ReasonNotFound, "")
	}
	account.Route = ProfilesPath + name
	if r.Method != http.MethodGet { // nor HEAD, which would take a profile for nobody
		w.Header().Set("Allow", http.MethodGet)
		return wire.Refuse(wire.ReasonMethodNotAllowed, "")
	}
	return handle(w, r, account)
}

// Refuse is api.Operations'.
func (p *Profiles) Refuse(w http.ResponseWriter, err error) string { return Refuse(w, err) }

// admit tells who asks. A program of this machine that sends no credentials may come in where that is allowed; one that sends
// some has to be right.
func (p *Profiles) admit(r *http.Request, account *api.Account) error {
	if p.open && len(r.Header.Values("Authorization")) == 0 && fromThisMachine(r, account.Address) {
		account.Actor = "local@" + account.Address
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), admitTime)
	defer cancel()
	return p.guard.Admit(r.WithContext(ctx), account)
}

// index names what there is.
func (p *Profiles) index(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	if _, err := wire.ParametersOf(r); err != nil {
		return err
	}
	const names = "allocs\ngoroutine\nheap\nprofile\nthreadcreate\n"
	wire.Write(w, http.StatusOK, "text/plain; charset=utf-8", []byte(names))
	return nil
}

// takeCPU takes a profile of the CPU for as long as it is asked to.
func (p *Profiles) takeCPU(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	parameters, err := wire.ParametersOf(r, "seconds")
	if err != nil {
		return err
	}
	seconds, err := parameters.Number("seconds", usualSeconds, 1, mostSeconds)
	if err != nil {
		return err
	}
	if deadline, ok := r.Context().Deadline(); ok { // the server's own is over before a long profile is
		_ = http.NewResponseController(w).SetWriteDeadline(deadline)
	}
	var taken bytes.Buffer
	if err := pprof.StartCPUProfile(&taken); err != nil { // the runtime takes one at a time, whoever asks
		return &wire.Refusal{Reason: wire.ReasonProfileRunning, Err: err}
	}
	p.await(r.Context(), time.Duration(seconds)*time.Second)
	pprof.StopCPUProfile()
	if err := r.Context().Err(); err != nil {
		return fmt.Errorf("take a CPU profile: %w", err)
	}
	wire.Write(w, http.StatusOK, "application/octet-stream", taken.Bytes())
	return nil
}

// await passes time, until there is nobody any more to take a profile for.
func (p *Profiles) await(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-p.ending:
	}
}

// takeHeap shows what lives in memory, and with gc=1 only that which is still needed.
func takeHeap(w http.ResponseWriter, r *http.Request, account *api.Account) error {
	parameters, err := wire.ParametersOf(r, "debug", "gc")
	if err != nil {
		return err
	}
	gc, err := parameters.Number("gc", 0, 0, 1)
	if err != nil {
		return err
	}
	if gc == 1 {
		runtime.GC()
	}
	return answerProfile(w, parameters, "heap")
}

// take returns what answers with a profile that the runtime keeps.
func take(name string) handler {
	return func(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
		parameters, err := wire.ParametersOf(r, "debug")
		if err != nil {
			return err
		}
		return answerProfile(w, parameters, name)
	}
}

// answerProfile answers with a profile in the form of the go tools, or with debug=1 as text. There is no debug=2: it shows
// the words that functions were called with, and a key may be among them.
func answerProfile(w http.ResponseWriter, parameters wire.Parameters, name string) error {
	debug, err := parameters.Number("debug", 0, 0, 1)
	if err != nil {
		return err
	}
	var taken bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&taken, int(debug)); err != nil {
		return fmt.Errorf("write the profile %s: %w", name, err)
	}
	contentType := "application/octet-stream"
	if debug == 1 {
		contentType = "text/plain; charset=utf-8"
	}
	wire.Write(w, http.StatusOK, contentType, taken.Bytes())
	return nil
}
