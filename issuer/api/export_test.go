package api

import "github.com/hasura-issuer/hasura-issuer/issuer"

// ParseForm is for the fuzz test, which compares it with net/url's reader.
func ParseForm(body string) (map[string]string, error) { return parseForm(body) }

// Problem is a row of the table of answers.
type Problem struct {
	Status int
	Code   string
}

// Problems is the table of answers, for the test that holds the README against it.
func Problems() map[issuer.Reason]Problem {
	list := map[issuer.Reason]Problem{}
	for reason, p := range problems() {
		list[reason] = Problem{p.status, p.code}
	}
	return list
}

// HeadersIn is for the fuzz test, which compares it with another reader of JSON.
func HeadersIn(body []byte) (authorization, role []string, err error) {
	headers, err := headersIn(body, true)
	return headers.authorization, headers.role, err
}

// The bounds of a gate.
const (
	Patience     = patience
	FewWaiting   = fewWaiting
	MostWaiting  = mostWaiting
	AdmittedEach = admittedEach
	MostSaved    = mostSaved
	PlacesEach   = placesEach

	TurnedAwayEach = turnedAwayEach
)

// PlainExchange is for the fuzz test, which compares it with net/http's reader.
func PlainExchange(sent []byte) (length int, plain bool) { return plainExchange(sent) }

// Yield is what a request that may begin waits for.
func Yield(config *Config, yield func()) { config.yield = yield }
