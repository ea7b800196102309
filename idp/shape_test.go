package idp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestOnlyOneSpellingOfATokenIsRead(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	good := e.Sign(e.user(nil))
	parts := strings.Split(good, ".")
	unsigned := parts[0] + "." + parts[1] + "."
	biggest := e.user(nil)
	biggest["pad"] = strings.Repeat("x", 23000)
	tests := map[string]struct{ raw, want string }{
		"as it came":                       {good, "accepted"},
		"nothing":                          {"", "token_malformed"},
		"one part":                         {parts[1], "token_malformed"},
		"two parts":                        {parts[0] + "." + parts[1], "token_malformed"},
		"four parts":                       {good + ".x", "token_malformed"},
		"five parts":                       {good + ".x.y", "token_encrypted"},
		"six parts":                        {good + ".x.y.z", "token_malformed"},
		"an empty header":                  {"." + parts[1] + "." + parts[2], "token_malformed"},
		"empty claims":                     {parts[0] + ".." + parts[2], "token_malformed"},
		"an empty signature":               {unsigned, "token_malformed"},
		"alg none and no signature":        {e.Sign(e.user(nil), faketenant.WithHeader("alg", "none")), "algorithm_not_allowed"},
		"a dot at the end":                 {good + ".", "token_malformed"},
		"a space in front":                 {" " + good, "token_malformed"},
		"a line break behind":              {good + "\n", "token_malformed"},
		"five parts with white space":      {good + ".x.y\n", "token_malformed"},
		"a line break inside":              {parts[0] + "." + parts[1][:8] + "\r\n" + parts[1][8:] + "." + parts[2], "token_malformed"},
		"padding":                          {good + "==", "token_malformed"},
		"the alphabet of plain base64":     {parts[0] + "." + parts[1] + "." + "+/" + parts[2][2:], "token_malformed"},
		"unused bits that are not zero":    {good[:len(good)-1] + nextInAlphabet(good[len(good)-1]), "token_malformed"},
		"with its scheme":                  {"Bearer " + good, "token_malformed"},
		"in quotes":                        {`"` + good + `"`, "token_malformed"},
		"JSON serialization":               {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, "token_malformed"},
		"JSON serialization with dots":     {`{"a":"....","payload":"x"}`, "token_malformed"},
		"an opaque refresh token":          {"M.C507_BL2.0.U.-CqMadeUp!*$", "token_malformed"},
		"a little under 32 KiB":            {e.Sign(biggest), "accepted"},
		"32 KiB and one":                   {strings.Repeat("a", 32<<10+1), "token_too_large"},
		"32 KiB of nothing":                {strings.Repeat("a", 32<<10), "token_malformed"},
		"a token as claims of another":     {signedText(e, good), "token_malformed"},
		"200 claims":                       {signedText(e, manyClaims(t, e, 200)), "accepted"},
		"201 claims":                       {signedText(e, manyClaims(t, e, 201)), "token_malformed"},
		"claims that are a list":           {signedText(e, "[]"), "token_malformed"},
		"claims that are null":             {signedText(e, "null"), "token_malformed"},
		"claims cut off":                   {signedText(e, `{"aud":"x"`), "token_malformed"},
		"claims behind a byte order mark":  {signedText(e, "\ufeff{}"), "token_malformed"},
		"no claims at all":                 {signedText(e, "{}"), "claim_missing"},
		"claims twice":                     {signedText(e, "{}{}"), "token_malformed"},
		"claims with a comma too many":     {signedText(e, `{"aud":"x",}`), "token_malformed"},
		"claims with a control character":  {signedText(e, "{\"aud\":\"x\ny\"}"), "token_malformed"},
		"claims of 24,000 opened brackets": {signedText(e, strings.Repeat("[", 24000)), "token_malformed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantVerdict(t, verifier, test.raw, test.want)
		})
	}
}

// manyClaims are a good user's, with more behind them up to this many.
func manyClaims(t *testing.T, e *entra, count int) string {
	t.Helper()
	claims := e.user(nil)
	for i := len(claims); i < count; i++ {
		claims[fmt.Sprintf("c%03d", i)] = i
	}
	doc, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// signedText signs what may be no claims.
func signedText(e *entra, claims string) string {
	return e.SignRaw(e.header(), []byte(claims), faketenant.KeyFirst)
}

// nextInAlphabet returns the character whose bits are one more: at the end of 256 bytes the last four bits are unused,
// so a lenient decoder reads the same bytes.
func nextInAlphabet(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

func TestOnlyThePlainHeaderIsRead(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	kid := e.KID(faketenant.KeyFirst)
	tests := map[string]struct{ header, want string }{
		"the least":                     {`{"alg":"RS256","kid":"` + kid + `"}`, "accepted"},
		"typ at+jwt":                    {`{"alg":"RS256","typ":"at+jwt","kid":"` + kid + `"}`, "accepted"},
		"members that name keys":        {`{"alg":"RS256","kid":"` + kid + `","jku":"https://evil.example","x5u":7,"jwk":{"kty":"RSA"},"x5c":[]}`, "accepted"},
		"typ in lower case":             {`{"alg":"RS256","typ":"jwt","kid":"` + kid + `"}`, "token_malformed"},
		"typ of something else":         {`{"alg":"RS256","typ":"dpop+jwt","kid":"` + kid + `"}`, "token_malformed"},
		"typ null":                      {`{"alg":"RS256","typ":null,"kid":"` + kid + `"}`, "token_malformed"},
		"alg missing":                   {`{"kid":"` + kid + `"}`, "algorithm_not_allowed"},
		"alg a list":                    {`{"alg":["RS256"],"kid":"` + kid + `"}`, "algorithm_not_allowed"},
		"alg in lower case":             {`{"alg":"rs256","kid":"` + kid + `"}`, "algorithm_not_allowed"},
		"alg none":                      {`{"alg":"none","kid":"` + kid + `"}`, "algorithm_not_allowed"},
		"alg NonE":                      {`{"alg":"NonE","kid":"` + kid + `"}`, "algorithm_not_allowed"},
		"alg ES256":                     {`{"alg":"ES256","kid":"` + kid + `"}`, "algorithm_not_allowed"},
		"alg twice":                     {`{"alg":"RS256","alg":"none","kid":"` + kid + `"}`, "token_malformed"},
		"alg also in other case":        {`{"alg":"RS256","ALG":"none","kid":"` + kid + `"}`, "token_malformed"},
		"kid also with a Kelvin sign":   {"{\"alg\":\"RS256\",\"\u212aid\":\"x\",\"kid\":\"" + kid + `"}`, "token_malformed"},
		"crit":                          {`{"alg":"RS256","kid":"` + kid + `","crit":["exp"]}`, "token_malformed"},
		"crit empty":                    {`{"alg":"RS256","kid":"` + kid + `","crit":[]}`, "token_malformed"},
		"b64 true":                      {`{"alg":"RS256","kid":"` + kid + `","b64":true}`, "token_malformed"},
		"b64 false":                     {`{"alg":"RS256","kid":"` + kid + `","b64":false}`, "token_malformed"},
		"kid missing":                   {`{"alg":"RS256"}`, "token_malformed"},
		"kid empty":                     {`{"alg":"RS256","kid":""}`, "token_malformed"},
		"kid a number":                  {`{"alg":"RS256","kid":1}`, "token_malformed"},
		"kid in other case":             {`{"alg":"RS256","kid":"` + strings.ToUpper(kid) + `"}`, "key_unknown"},
		"only x5t":                      {`{"alg":"RS256","x5t":"` + kid + `"}`, "token_malformed"},
		"a nonce":                       {`{"alg":"RS256","kid":"` + kid + `","nonce":"x"}`, "graph_token"},
		"a nonce without content":       {`{"alg":"RS256","kid":"` + kid + `","nonce":null}`, "graph_token"},
		"a list":                        {`["RS256"]`, "token_malformed"},
		"not JSON":                      {`RS256`, "token_malformed"},
		"too deep":                      {`{"alg":"RS256","kid":"` + kid + `","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "token_malformed"},
		"something behind":              {`{"alg":"RS256","kid":"` + kid + `"} x`, "token_malformed"},
		"a kid that would be a path":    {`{"alg":"RS256","kid":"../../keys"}`, "key_unknown"},
		"kid and alg in escaped letter": {`{"\u0061lg":"RS256","k\u0069d":"` + kid + `"}`, "accepted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload, err := json.Marshal(e.user(nil))
			if err != nil {
				t.Fatal(err)
			}
			// Each has a verifier of its own, since an unknown key is looked for once in 30 seconds.
			wantVerdict(t, e.warm(t), e.SignRaw([]byte(test.header), payload, faketenant.KeyFirst), test.want)
		})
	}
}
