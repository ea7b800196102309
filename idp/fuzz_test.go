package idp_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// FuzzVerify throws texts at a verifier: only those this process has signed may be accepted.
func FuzzVerify(f *testing.F) {
	e := newEntra(f)
	verifier, remembers := e.verifier(f), e.verifier(f, remembering)
	signed := map[string]bool{}
	for _, raw := range oneOfEach(e) {
		signed[raw] = true
		f.Add(raw)
	}
	for _, persona := range e.Personas() {
		for _, claims := range []map[string]any{e.Claims(persona.Name), e.V1Claims(persona.Name)} {
			raw := e.Sign(claims)
			signed[raw] = true
			f.Add(raw)
			f.Add(strings.ToLower(raw))
			f.Add(raw[:len(raw)/2] + "." + raw[len(raw)/2:])
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		subject, err := verifier.Verify(t.Context(), raw)
		if verdict(t, err) == "accepted" && !signed[raw] {
			t.Errorf("accepted what nobody signed, for %s", subject.TenantID)
		}
		for range 2 { // worked out, and from memory
			again, againErr := remembers.Verify(t.Context(), raw)
			if !cmp.Equal(subject, again) || verdict(t, err) != verdict(t, againErr) {
				t.Errorf("with memory it is %v, %v, without %v, %v", again, againErr, subject, err)
			}
		}
	})
}

// FuzzClaims signs whatever it is given: what is accepted must be what another reader of JSON finds there too.
func FuzzClaims(f *testing.F) {
	e := newEntra(f)
	verifier := e.verifier(f)
	for _, claims := range []map[string]any{e.user(nil), e.daemon(nil), e.Claims("editor"), e.Claims("guest"), e.V1Claims("reader")} {
		payload, err := json.Marshal(claims)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
		f.Add(append(bytes.TrimSuffix(payload, []byte("}")), `,"TID":"x"}`...))
		f.Add(append(bytes.TrimSuffix(payload, []byte("}")), `,"_claim_names":{"groups":"src1"},"hasgroups":true}`...))
	}
	if recorded, err := os.ReadFile("testdata/claims.json"); err == nil {
		f.Add(recorded)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		subject, err := verifier.Verify(t.Context(), e.SignRaw(e.header(), payload, faketenant.KeyFirst))
		if verdict(t, err) != "accepted" {
			return
		}
		var plain struct {
			Aud, Iss, Tid, Oid string
			Exp                int64
		}
		if err := json.Unmarshal(payload, &plain); err != nil {
			t.Fatal("accepted what encoding/json does not read")
		}
		same := strings.EqualFold(plain.Tid, subject.TenantID) && strings.EqualFold(plain.Oid, subject.ObjectID) &&
			plain.Exp == subject.Expiry.Unix() && strings.Contains(plain.Iss, faketenant.TenantID) &&
			strings.HasSuffix(plain.Aud, faketenant.APIClientID)
		if !same {
			t.Error("two readers find different callers in one token")
		}
		if subject.Kind != idp.KindUser && subject.Kind != idp.KindApp {
			t.Errorf("a caller of the kind %q", subject.Kind)
		}
	})
}
