package hasura_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

func TestCasesOfRefresh(t *testing.T) {
	t.Parallel()
	var ran int
	for _, c := range loadCases(t) {
		if c.Given.Headers == nil {
			continue
		}
		ran++
		t.Run(c.ID+" "+c.Title, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			for name, value := range c.Given.Headers {
				if m := relative.FindStringSubmatch(value); m != nil {
					offset, _ := strconv.Atoi(m[1])
					value = now().Add(time.Duration(offset) * time.Second).Format(http.TimeFormat)
				}
				header.Set(name, value)
			}
			previous := now().Add(-time.Second)
			first, later := hasura.V2Refresh(header, now(), time.Time{}), hasura.V2Refresh(header, now(), previous)
			want := fmt.Sprint(c.Expect.V2.NextFetch)
			switch seconds, err := strconv.Atoi(want); {
			case err == nil || strings.HasPrefix(want, "0 "):
				if at := now().Add(time.Duration(seconds) * time.Second); !first.Equal(at) || !later.Equal(at) {
					t.Errorf("refetch at %v and %v, want %v", first, later, at)
				}
			case strings.HasPrefix(want, "never"), strings.HasPrefix(want, "every second from the old expiry on"):
				if !first.IsZero() || !later.Equal(previous) {
					t.Errorf("refetch at %v and %v, want never and the old expiry", first, later)
				}
			default:
				t.Fatalf("no such expectation: %q", want)
			}
		})
	}
	if ran != 18 { // F001 to F017 and F020; F018 and F019 are verdicts
		t.Errorf("%d cases ran, want 18", ran)
	}
}

func TestHowACacheControlHeaderIsRead(t *testing.T) {
	t.Parallel()
	const none = -1
	for value, seconds := range map[string]int{
		"public, max-age=300":           300, // what the issuer sends
		"":                              none,
		"=":                             none,
		", ,\tmax-age=7":                7,
		",  max-age=7":                  none,
		"public ,, max-age=7":           7,
		"public;max-age=7":              none,
		"max-age=7abc":                  7,
		"max-age=-7":                    none,
		`max-age="7"`:                   7,
		`max-age="\7"`:                  7,
		`max-age=""`:                    none,
		"max-age=":                      none,
		"max-age=7, must-revalidate=1":  7,
		"no-cache=\"x\", max-age=7":     7,
		"max-age=99999999999999999999":  none,
		"private, no-store":             0,
		"must-revalidate, s-maxage=7":   7,
		"max-age=7, max-age=8, no-wait": 7,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			want := now().Add(time.Duration(seconds) * time.Second)
			if seconds == none {
				want = time.Time{}
			}
			got := hasura.V2Refresh(http.Header{"Cache-Control": {value, "max-age=1"}}, now(), time.Time{})
			if !got.Equal(want) {
				t.Errorf("refetch at %v, want %v", got, want)
			}
		})
	}
}
