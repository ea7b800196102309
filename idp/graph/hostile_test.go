package graph_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// answers is a Graph that says the same to everybody.
func answers(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, body) }
}

func quoted(ids []string) string { return `"` + strings.Join(ids, `","`) + `"` }

func TestWhatIsNotGraphsAnswerIsNone(t *testing.T) {
	t.Parallel()
	one := quoted(groups(0, 1))
	for name, answer := range map[string]http.HandlerFunc{
		"a page of a proxy":                     answers("<html>" + canary),
		"nothing":                               answers(""),
		"null":                                  answers("null"),
		"a list":                                answers(`[` + one + `]`),
		"no value":                              answers(`{}`),
		"a value that is null":                  answers(`{"value":null}`),
		"a value that is a text":                answers(`{"value":` + one + `}`),
		"the name in another case":              answers(`{"Value":[` + one + `]}`),
		"two values":                            answers(`{"value":[` + one + `],"value":[]}`),
		"a name among the ids":                  answers(`{"value":[` + one + `,"` + canary + `"]}`),
		"a number among the ids":                answers(`{"value":[` + one + `,1]}`),
		"objects for ids":                       answers(`{"value":[{"id":` + one + `}]}`),
		"a GUID in braces":                      answers(`{"value":["{` + groups(0, 1)[0] + `}"]}`),
		"something behind it":                   answers(`{"value":[` + one + `]}{}`),
		"the half of it":                        answers(`{"value":[` + one),
		"nested without end":                    answers(`{"value":[` + one + `],"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`),
		"longer than any":                       answers(`{"value":[` + one + `]` + strings.Repeat(" ", 1<<20) + `}`),
		"a second page where there is none":     answers(`{"value":[` + one + `],"@odata.nextLink":"https://graph.microsoft.com/v1.0/x"}`),
		"no content":                            func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"created":                               func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusCreated, `{"value":[]}`) },
		"a redirect":                            redirect,
		"a refusal that is no JSON":             func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusForbidden, "<html>"+canary) },
		"a refusal with a secret for a code":    func(w http.ResponseWriter, _ *http.Request) { graphError(w, http.StatusForbidden, canary) },
		"a refusal with a long word for a code": func(w http.ResponseWriter, _ *http.Request) { graphError(w, 400, strings.Repeat("x", 65)) },
	} {
		for question, among := range map[string][]string{"all": nil, "some": groups(0, 1)} {
			t.Run(name+", asked for "+question, func(t *testing.T) {
				t.Parallel()
				s := newStage(t)
				s.graphAnswers(answer)
				got, err := s.open(t).Groups(t.Context(), s.user(), among)
				if problem := s.refused(t, got, err); problem.Code != "" {
					t.Errorf("the code is %q", problem.Code)
				}
				if len(s.strayed) > 0 {
					t.Errorf("strayed to %v", s.strayed)
				}
			})
		}
	}
}

// endless is a body that goes on and on, and counts what was read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

func TestAnAnswerWithoutEndIsNotRead(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"graph.microsoft.com", "login.microsoftonline.com"} {
		s, body := newStage(t), &endless{}
		got, err := s.open(t, func(c *graph.Config) {
			c.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host == host {
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}, nil
				}
				return s.RoundTrip(r)
			})}
		}).Groups(t.Context(), s.user(), nil)
		s.refused(t, got, err)
		if !strings.Contains(err.Error(), "longer than any") || body.read != 1<<20+1 {
			t.Errorf("%s: %d bytes were read, %v", host, body.read, err)
		}
	}
}

func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
}

func TestAGroupThatWasNotAskedForIsNoAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.graphAnswers(answers(`{"value":[` + quoted(groups(0, 2)) + `]}`))
	got, err := s.open(t).Groups(t.Context(), s.user(), groups(1, 1))
	s.refused(t, got, err)
}

// list has getMemberGroups say that there are too many, and answers what is asked of the list instead.
func (s *stage) list(page http.HandlerFunc) {
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host != "graph.microsoft.com" {
			return false
		}
		if !tooMany(w, r) {
			page(w, r)
		}
		return true
	})
}

func TestPagesThatLeadAwayAreNotFollowed(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]string{
		"to another host":           "https://evil.example/v1.0/x",
		"to a host that looks like": "https://graph.microsoft.com.evil.example/v1.0/x",
		"to a host by a user":       "https://graph.microsoft.com@evil.example/v1.0/x",
		"with a user":               "https://me:secret@graph.microsoft.com/v1.0/x",
		"to another port":           "https://graph.microsoft.com:8443/v1.0/x",
		"without TLS":               "http://graph.microsoft.com/v1.0/x",
		"to another service":        "https://graph.microsoft.com/beta/x",
		"out of the service":        "https://graph.microsoft.com/v1.0/../beta/x",
		"out of it in disguise":     "https://graph.microsoft.com/v1.0/%2e%2e/beta/x",
		"to a path":                 "/v1.0/x",
		"to no URL":                 "https://graph.microsoft.com/v1.0/%",
		"to nowhere":                "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.list(answers(fmt.Sprintf(`{"value":[],"@odata.nextLink":%q}`, next)))
			got, err := s.open(t).Groups(t.Context(), s.user(), nil)
			s.refused(t, got, err)
			if n := s.count("x"); n > 0 || len(s.strayed) > 0 {
				t.Errorf("%d followed, strayed to %v", n, s.strayed)
			}
		})
	}
}

// The port that goes without saying, and the case of the host, make no other place.
func TestPagesOfTheSameHostAreFollowed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.list(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/x") {
			answers(`{"value":[{"@odata.type":"#microsoft.graph.group","id":`+quoted(groups(0, 1))+`}]}`)(w, r)
			return
		}
		answers(`{"value":[],"@odata.nextLink":"https://graph.microsoft.com:443/v1.0/x?$skiptoken=a%2Fb"}`)(w, r)
	})
	s.followHost("graph.microsoft.com:443")
	if got, err := s.open(t).Groups(t.Context(), s.user(), nil); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

// followHost makes another spelling of Graph's host reach it.
func (s *stage) followHost(spelling string) {
	inner := s.instead
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host == spelling {
			r.URL.Host = "graph.microsoft.com"
		}
		return inner(w, r)
	})
}

func TestPagesWithoutEndAreNoAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.list(answers(`{"value":[],"@odata.nextLink":"https://graph.microsoft.com/v1.0/again"}`))
	got, err := s.open(t).Groups(t.Context(), s.user(), nil)
	s.refused(t, got, err)
	if n := s.count("again"); n != 99 {
		t.Errorf("%d pages, want 100 in all", n+1)
	}
}

func TestAPageThatFailsFailsAll(t *testing.T) {
	t.Parallel()
	id := quoted(groups(0, 1))
	for name, page := range map[string]http.HandlerFunc{
		"refused":            func(w http.ResponseWriter, _ *http.Request) { graphError(w, 400, "Directory_ExpiredPageToken") },
		"no JSON":            answers("<html>" + canary),
		"no type":            answers(`{"value":[{"id":` + id + `}]}`),
		"no id":              answers(`{"value":[{"@odata.type":"#microsoft.graph.group"}]}`),
		"an id that is none": answers(`{"value":[{"@odata.type":"#microsoft.graph.group","id":"` + canary + `"}]}`),
		"ids for objects":    answers(`{"value":[` + id + `]}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.list(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/second") {
					page(w, r)
					return
				}
				answers(`{"value":[{"@odata.type":"#microsoft.graph.group","id":`+id+`}],
					"@odata.nextLink":"https://graph.microsoft.com/v1.0/second"}`)(w, r)
			})
			got, err := s.open(t).Groups(t.Context(), s.user(), nil)
			s.refused(t, got, err)
			if s.count("second") != 1 {
				t.Error("the second page was not asked for")
			}
		})
	}
}
