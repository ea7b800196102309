package idp_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// recorded is testdata/claims.json: tokens shaped like Entra's, and what is to be said to each.
type recorded struct {
	Tokens []struct {
		Name    string
		Header  map[string]any
		Payload map[string]any
		Expect  struct{ Reasons []string }
	}
	Mutations []mutation
}

type mutation struct {
	Name        string
	From        string
	Set         map[string]any
	Unset       []string
	Header      map[string]any
	HeaderUnset []string `json:"header_unset"`
	RawAppend   string   `json:"raw_append"`
	SignWith    string   `json:"sign_with"`
	Raw         string
	Reasons     []string
}

func readRecorded(tb testing.TB) recorded {
	tb.Helper()
	file, err := os.ReadFile("testdata/claims.json")
	if err != nil {
		tb.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.UseNumber() // so that times stay whole numbers when they are written again
	var all recorded
	if err := decoder.Decode(&all); err != nil {
		tb.Fatal(err)
	}
	if len(all.Tokens) != 38 || len(all.Mutations) != 27 {
		tb.Fatalf("%d tokens and %d mutations, want 38 and 27", len(all.Tokens), len(all.Mutations))
	}
	return all
}

func TestRecordedTokensAreJudgedAsRecorded(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	for _, token := range readRecorded(t).Tokens {
		t.Run(token.Name, func(t *testing.T) {
			t.Parallel()
			raw := e.Sign(token.Payload, headerOptions(token.Header)...)
			wantVerdict(t, verifier, raw, orAccepted(token.Expect.Reasons)...)
		})
	}
}

func TestMutationsAreJudgedAsRecorded(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	all := readRecorded(t)
	payloads := map[string]map[string]any{}
	for _, token := range all.Tokens {
		payloads[token.Name] = token.Payload
	}
	for _, m := range all.Mutations {
		claims := maps.Clone(payloads[m.From])
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			verifier := e.warm(t, func(c *idp.Config) {
				if m.Name == "client_not_allowed" {
					c.Clients = []string{faketenant.SPAClientID}
				}
			})
			wantVerdict(t, verifier, m.token(t, e, claims), orAccepted(m.Reasons)...)
		})
	}
}

// forgery is a recorded token that mutations were carried out on.
type forgery struct {
	claims  map[string]any
	options []faketenant.SignOption
	member  string // written behind the last one
	raw     string // instead of everything else
}

// token carries the mutation out.
func (m mutation) token(tb testing.TB, e *entra, claims map[string]any) string {
	tb.Helper()
	f := forgery{claims: claims}
	m.spoil(tb, &f)
	return f.sign(tb, e)
}

// spoil carries the mutation out on what others have spoilt already.
func (m mutation) spoil(tb testing.TB, f *forgery) {
	tb.Helper()
	for name, value := range m.Set {
		f.claims[name] = shifted(tb, value)
	}
	for _, name := range m.Unset {
		delete(f.claims, name)
	}
	f.options = append(f.options, headerOptions(m.Header)...)
	for _, name := range m.HeaderUnset {
		f.options = append(f.options, faketenant.WithoutHeader(name))
	}
	switch {
	case strings.Contains(m.SignWith, faketenant.ConsumerTenantID):
		f.options = append(f.options, faketenant.SignedBy(faketenant.KeyConsumer))
	case strings.Contains(m.SignWith, "cloud_instance_name"):
		f.options = append(f.options, faketenant.SignedBy(faketenant.KeyOtherCloud))
	case m.SignWith != "":
		tb.Fatalf("no key for %q", m.SignWith)
	case m.Name == "token_over_size_limit":
		f.claims["pad"] = strings.Repeat("x", 32<<10)
	}
	f.member += m.RawAppend
	f.raw += m.Raw
}

func (f *forgery) sign(tb testing.TB, e *entra) string {
	tb.Helper()
	switch {
	case f.raw != "":
		return f.raw
	case f.member != "":
		return appended(tb, e, f.claims, f.member)
	}
	return e.Sign(f.claims, f.options...)
}

// appended signs claims with a member written behind the last one.
func appended(tb testing.TB, e *entra, claims map[string]any, member string) string {
	tb.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	payload = append(bytes.TrimSuffix(payload, []byte("}")), []byte(","+member+"}")...)
	return e.SignRaw(e.header(), payload, faketenant.KeyFirst)
}

func (e *entra) header() []byte {
	return []byte(`{"typ":"JWT","alg":"RS256","kid":"` + e.KID(faketenant.KeyFirst) + `"}`)
}

// headerOptions leaves out the recorded key id, which is no key's.
func headerOptions(header map[string]any) []faketenant.SignOption {
	var options []faketenant.SignOption
	for name, value := range header {
		if value != "Xq3mB0fTestKidAAAAAAAAAAAAA" {
			options = append(options, faketenant.WithHeader(name, value))
		}
	}
	return options
}

// shifted reads "now+600" as a time and a text in quotes as that text; other values stay as they are.
func shifted(tb testing.TB, value any) any {
	tb.Helper()
	text, _ := value.(string)
	if offset := regexp.MustCompile(`^now([+-]\d+)$`).FindStringSubmatch(text); offset != nil {
		seconds, err := strconv.ParseInt(offset[1], 10, 64)
		if err != nil {
			tb.Fatal(err)
		}
		return nominal.Unix() + seconds
	}
	if quoted, err := strconv.Unquote(text); err == nil {
		return quoted
	}
	return value
}

func orAccepted(reasons []string) []string {
	if len(reasons) == 0 {
		return []string{"accepted"}
	}
	return reasons
}
