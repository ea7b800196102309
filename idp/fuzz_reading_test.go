package idp_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// keptInFuzz are claims to be handed on: some that are read besides, and one of an extension with capital letters.
func keptInFuzz() []string { return []string{"tid", "acct", "extension_Dept", "kind"} }

// readAlike wants both readers to make the same of a token.
func readAlike(t *testing.T, raw string) {
	t.Helper()
	want, wantErr := plainRead(raw, keptInFuzz())
	got, err := idp.Read(raw, keptInFuzz(), slices.Collect(maps.Keys(claimForms)))
	if wantErr != nil || err != nil {
		refusal, _ := errors.AsType[*idp.TokenError](err)
		if wantErr == nil || refusal == nil || string(refusal.Reason) != wantErr.Error() {
			t.Fatalf("it is %v, for the other reader %v", err, wantErr)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("two readers find different claims (-plain +ours):\n%s", diff)
	}
}

// FuzzTokenShape throws texts at both readers.
func FuzzTokenShape(f *testing.F) {
	for _, raw := range recordedTokens(f, newEntra(f)) {
		f.Add(raw)
		f.Add(raw + "=")
		f.Add("." + raw)
		f.Add(strings.Replace(raw, ".", ".\r\n", 1))
	}
	f.Add("e30.e30.e30")
	f.Add("e30..e30")
	f.Add("e30.e31.") // bits to spare that are not zero
	f.Add("eyJhbGciOiJSUzI1NiJ9.a.b.c.d")
	f.Fuzz(readAlike)
}

// FuzzTokenParts throws headers and claims at both readers, whatever bytes they are.
func FuzzTokenParts(f *testing.F) {
	e := newEntra(f)
	for _, raw := range recordedTokens(f, e) {
		parts := strings.Split(raw, ".")
		if header, payload := decoded(parts[0]), decoded(parts[min(1, len(parts)-1)]); header != nil && payload != nil {
			f.Add(header, payload)
		}
	}
	for _, payload := range oddPayloads() {
		f.Add(e.header(), []byte(payload))
		f.Add([]byte(`{"alg":"RS256","kid":"k","x":`+payload+`}`), []byte(`{}`))
	}
	f.Fuzz(func(t *testing.T, header, payload []byte) {
		encode := base64.RawURLEncoding.EncodeToString
		readAlike(t, encode(header)+"."+encode(payload)+".c2ln")
	})
}

// recordedTokens are all that are recorded, good and bad.
func recordedTokens(tb testing.TB, e *entra) []string {
	tb.Helper()
	all := readRecorded(tb)
	var raws []string
	payloads := map[string]map[string]any{}
	for _, token := range all.Tokens {
		payloads[token.Name] = token.Payload
		raws = append(raws, e.Sign(token.Payload, headerOptions(token.Header)...))
	}
	for _, m := range all.Mutations {
		raws = append(raws, m.token(tb, e, maps.Clone(payloads[m.From])))
	}
	return raws
}

// oddPayloads are documents that readers of JSON differ about.
func oddPayloads() []string {
	deep := func(levels int) string {
		return `{"x":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
	}
	return []string{
		`{"oid":"a","oid":"b"}`, `{"oid":"a","\u006fid":"b"}`, `{"oid":"a","OID":"b"}`, "{\"\u212ain\u212a\":1,\"\u212aind\":2,\"kind\":3}",
		"{\"i\u017f\u017f\":1}", `{"x":{"a":1,"a":2}}`, `{"x":[{"a":1,"\u0061":2}]}`, `{"":1,"":2}`, `{"a\u0000":1,"a":2}`,
		`{"oid":"\ud800"}`, `{"oid":"\udc00"}`, `{"oid":"\ud83d\ude00"}`, `{"oid":"\ud83d\n\ude00"}`, `{"\ud800":1}`, `{"oid":"\\ud800"}`,
		"{\"oid\":\"\xff\"}", "{\"oid\":\"\xed\xa0\x80\"}", "{\"\xff\":1}", "\xef\xbb\xbf{}", "{}\x00", "{} \n", "{}{}", "{},", " {}", "\v{}",
		`{"exp":1e3}`, `{"exp":1.0}`, `{"exp":-0}`, `{"exp":01}`, `{"exp":+1}`, `{"exp":999999999999999}`, `{"exp":1000000000000000}`, `{"exp":"1"}`,
		`{"exp":null}`, `{"exp":1E400,"acct":1E400}`, `{"groups":["a",1]}`, `{"groups":"a"}`, `{"groups":[]}`, `{"groups":[null]}`, `{"groups":["a",]}`,
		`{"groups":[ "a" ,	"b" ]}`, `{"groups":["a\\","b"]}`, `{"groups":["a\"]","[\u0022,"]}`, `{"groups":[["a"]]}`, `{"groups":["a",{"b":"c"}]}`, `{"groups":["a",true,"b"]}`,
		`{"groups":["\ud83d\ude00","é"]}`, `{"groups":[` + strings.Repeat(`"a",`, 999) + `"a"]}`, `{"groups":[` + strings.Repeat(`"a",`, 1000) + `"a"]}`,
		`{"_claim_names":{"groups":"src1"}}`, `{"_claim_names":{"Groups":"src1"}}`, `{"_claim_names":[]}`, `{"_claim_names":{}}`, `{"hasgroups":"true"}`,
		`{"hasgroups":false,"cnf":null,"nonce":{}}`, `{"aud":["a","b"]}`, `{"extension_Dept":"A\u0007"}`, `{"extension_dept":"A"}`, `{"kind":true,"acct":1.50}`,
		`{"tid":"7F2D6C1E-3B0A-4C55-9E1D-2A64C0B8F901"}`, `{"kind":"` + strings.Repeat("x", 4097) + `"}`, deep(32), deep(33), `{"a":"` + strings.Repeat("[", 40) + `"}`,
		`{'a':1}`, `{"a":NaN}`, `{"a":1/*x*/}`, `{"a":"` + "\x7f\u2028" + `"}`, "{\"a\":\"\t\"}", `null`, `[]`, `"{}"`, ``, manyMembers(200), manyMembers(201),
	}
}

func manyMembers(count int) string {
	members := map[string]int{}
	for i := range count {
		members["c"+strings.Repeat("i", i)] = i
	}
	doc, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(doc)
}

func decoded(part string) []byte {
	bytes, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil
	}
	return bytes
}

func TestTheTwoReadersAgreeOnSignedTokens(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	accepted := 0
	for _, claims := range []map[string]any{e.user(nil), e.daemon(nil), e.V1Claims("reader")} {
		raw := e.Sign(claims)
		readAlike(t, raw)
		if read, err := plainRead(raw, nil); err == nil && read.KID == e.KID(faketenant.KeyFirst) && read.Claims["oid"] == claims["oid"] {
			accepted++
		}
	}
	if accepted != 3 {
		t.Errorf("the plain reader reads %d of 3 good tokens", accepted)
	}
}
