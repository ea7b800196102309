package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/caarlos0/env/v11"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/telemetry"
)

// variable is one setting as its struct tags describe it.
type variable struct {
	name, want string
	secret     bool
}

// variables describes every field of settings, keyed by the field's name.
func variables() map[string]variable {
	all := map[string]variable{}
	for field := range reflect.TypeFor[settings]().Fields() {
		if field.Tag.Get("env") == "" { // not one variable's
			continue
		}
		secret := field.Type.Implements(reflect.TypeFor[masked]())
		all[field.Name] = variable{field.Tag.Get("env"), field.Tag.Get("want"), secret}
	}
	return all
}

// lackingError is settings that a command cannot do without.
type lackingError struct{ error }

func (e lackingError) Unwrap() error { return e.error }

// faults collects everything that is wrong with the settings, so that one run reports it whole.
type faults struct {
	vars  map[string]variable // by variable name
	named map[string]bool     // variables that have a fault already
	list  []string
	lacks bool // what the command cannot do without is not set
}

// add records that the variable name holds got, which is not what it wants. An empty got means that it is not set.
// A variable is named once.
func (f *faults) add(name, got string) {
	if f.named[name] {
		return
	}
	f.named[name] = true
	v := f.vars[name]
	switch {
	case got == "":
		f.list = append(f.list, fmt.Sprintf("%s is not set; it wants %s", name, v.want))
	case v.secret:
		f.list = append(f.list, fmt.Sprintf("%s is set to something else (not shown) than it wants: %s", name, v.want))
	default:
		f.list = append(f.list, fmt.Sprintf("%s is %s; it wants %s", name, shown(got), v.want))
	}
}

// addItem records that one item of the list name, counted from 0, is not what it wants.
func (f *faults) addItem(name string, items []string, at int) {
	if len(items) == 1 {
		f.add(name, items[at])
		return
	}
	if f.named[name] {
		return
	}
	f.named[name] = true
	if items[at] == "" {
		f.addf("%s has an empty item, number %d; it wants %s", name, at+1, f.vars[name].want)
		return
	}
	f.addf("%s: item %d is %s; it wants %s", name, at+1, shown(items[at]), f.vars[name].want)
}

func (f *faults) addf(format string, args ...any) {
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// err is nil without faults, else a usage error with one sentence a line.
func (f *faults) err() error {
	switch len(f.list) {
	case 0:
		return nil
	case 1:
		return usageError{errors.New(f.list[0])}
	}
	return usagef("%d settings are wrong:\n  %s", len(f.list), strings.Join(f.list, "\n  "))
}

// load reads settings from environ (as os.Environ gives it), checks all of them, and demands those that needs names. The
// error lists every fault. An empty variable counts as not set.
func load(environ []string, needs need) (settings, error) {
	s, f, err := read(environ, needs)
	if err != nil {
		return settings{}, err
	}
	if err := f.err(); err != nil && f.lacks {
		return s, lackingError{err}
	}
	return s, f.err()
}

// read is load for who has more to check.
func read(environ []string, needs need) (settings, *faults, error) {
	fields := variables()
	f := &faults{vars: map[string]variable{}, named: map[string]bool{}}
	for _, v := range fields {
		f.vars[v.name] = v
	}
	given := f.given(environ)

	var s settings
	err := env.ParseWithOptions(&s, env.Options{Environment: given})
	if aggregate, ok := errors.AsType[env.AggregateError](err); ok {
		for _, one := range aggregate.Errors {
			parse, ok := errors.AsType[env.ParseError](one)
			if !ok {
				return settings{}, nil, fmt.Errorf("read settings: %w", one)
			}
			name := fields[parse.Name].name
			if said, ok := errors.AsType[sayableError](parse.Err); ok {
				f.addf("%s: %v", name, said)
				f.named[name] = true
			}
			f.add(name, given[name])
		}
	} else if err != nil {
		return settings{}, nil, fmt.Errorf("read settings: %w", err)
	}
	s.recorded = f.recorded(given)
	s.Tracing = telemetry.Read(env.ToMap(environ))
	s.normalise()
	s.validate(f, given)
	f.refuseSecrets(given)
	s.validateRotation(f)
	s.validateRooms(f, given)
	s.require(f, needs)
	s.completeAdmin(f, needs)
	s.requireVault(f, needs)
	if needs&needEntra != 0 {
		s.validateGraph(f)
	}
	return s, f, nil
}

// given picks our variables out of environ, reads the _FILE form of secrets, and records names nobody knows.
func (f *faults) given(environ []string) map[string]string {
	given, files := map[string]string{}, map[string]string{}
	for name, value := range env.ToMap(environ) {
		base, isFile := strings.CutSuffix(name, "_FILE")
		switch {
		case value == "":
		case f.vars[name].name != "":
			given[name] = value
		case !strings.HasPrefix(name, "ISSUER_"):
		case isFile && f.vars[base].secret:
			files[base] = value
		case !injected.MatchString(name):
			f.addf("%s is not a setting of this version%s", name, suggestion(name, f.vars))
		}
	}
	for name, path := range files {
		content, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
		empty := len(bytes.TrimSpace(content)) == 0
		f.named[name] = given[name] != "" || err != nil || empty // one fault: it is not missing too
		switch {
		case given[name] != "":
			f.addf("%s and %s_FILE are both set; keep one", name, name)
		case err != nil:
			f.addf("%s_FILE names no file that can be read (%v; its value is not shown): it wants a path; the secret itself goes into %s", name, pathless(err), name)
		case empty:
			f.addf("%s_FILE: the file is empty", name)
		default:
			given[name] = strings.TrimRight(string(content), "\r\n")
		}
	}
	slices.Sort(f.list)
	return given
}

// recorded returns what is set as it may be kept.
func (f *faults) recorded(given map[string]string) map[string]string {
	texts := make(map[string]string, len(given))
	for name, value := range given {
		if texts[name] = value; f.vars[name].secret {
			texts[name] = notShown
		}
	}
	return texts
}

// injected matches what Kubernetes puts into every container's environment for a service named issuer….
var injected = regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT|_PORT$|_PORT_[0-9]+_`)

// suggestion asks for the known name nearest to name, if one is near.
func suggestion(name string, vars map[string]variable) string {
	if base, isFile := strings.CutSuffix(name, "_FILE"); isFile && vars[base].name != "" {
		return fmt.Sprintf("; %s is no secret and cannot be given as a file: set %s", base, base)
	}
	if known := withWords(name, vars); known != "" {
		return fmt.Sprintf("; did you mean %s?", known)
	}
	best, distance := "", 2+len(strings.TrimPrefix(name, "ISSUER_"))/4
	for known := range vars {
		d := levenshtein.Distance(name, known, nil)
		if d < distance || d == distance && (best == "" || known < best) {
			best, distance = known, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// withWords returns the only known name that has all words of name, in their order, and others between or behind them.
func withWords(name string, vars map[string]variable) string {
	only := ""
	for known := range vars {
		left := strings.Split(name, "_")
		for word := range strings.SplitSeq(known, "_") {
			if len(left) > 0 && left[0] == word {
				left = left[1:]
			}
		}
		if len(left) > 0 {
			continue
		}
		if only != "" {
			return ""
		}
		only = known
	}
	return only
}
