package idp_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// remembering turns the memory for verified tokens on.
func remembering(c *idp.Config) { c.CacheSize = 100 }

// allocations is how much a verdict on raw costs. It tells an answer from memory from one that was worked out: the
// latter takes the token apart, and that allocates, whatever the machine.
func allocations(t *testing.T, verifier *idp.Verifier, raw string) float64 {
	t.Helper()
	return testing.AllocsPerRun(10, func() {
		_, _ = verifier.Verify(t.Context(), raw)
	})
}

// few is more than an answer from memory allocates, and less than the parts of a token do.
const few = 6

// It is not parallel, since allocations are counted for the whole process.
func TestAnAcceptedTokenIsTakenApartOnce(t *testing.T) {
	e := newEntra(t)
	with, without := e.warm(t, remembering), e.warm(t)
	good := e.Sign(e.user(map[string]any{"groups": []string{groupOne}, "nbf": nominal.Add(time.Minute).Unix()})) // within the leeway
	wantVerdict(t, with, good, "accepted")
	if n := allocations(t, with, good); n > few {
		t.Errorf("a repeated token costs %v allocations", n)
	}
	if n := allocations(t, without, good); n <= few {
		t.Errorf("without memory a token costs %v allocations", n)
	}
	tight := e.warm(t, func(c *idp.Config) { c.CacheSize = 2 }) // 8 KiB
	if n := allocations(t, tight, good); n > few {
		t.Errorf("a small token in a small memory costs %v allocations", n)
	}
	if n := allocations(t, tight, e.Sign(e.user(map[string]any{"groups": slices.Repeat([]string{groupOne}, 200)}))); n <= few {
		t.Errorf("a token was remembered that takes more than all the memory, it costs %v allocations", n)
	}
	for reason, refused := range map[string]string{
		"token_expired":     e.Sign(e.user(map[string]any{"exp": nominal.Unix() + 9})),
		"scope_missing":     e.Sign(e.user(map[string]any{"scp": "x"})),
		"signature_invalid": good[:len(good)-8] + "AAAAAAAA",
	} {
		wantVerdict(t, with, refused, reason)
		if n := allocations(t, with, refused); n <= few {
			t.Errorf("%s: a refusal was remembered, it costs %v allocations", reason, n)
		}
	}
}

func TestARememberedTokenIsTheSameCaller(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, remembering, func(c *idp.Config) { c.KeepClaims = []string{"oid", "dept"} })
	raw := e.Sign(e.user(map[string]any{
		"groups": []string{groupOne, groupTwo}, "roles": []string{"Hasura.Reader", "Other"}, "dept": "R&D", "acct": 1, "hasgroups": true,
	}))
	first, err := verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	kept := first
	kept.Groups, kept.AppRoles = slices.Clone(first.Groups), slices.Clone(first.AppRoles)
	kept.Claims = map[string]string{"oid": first.ObjectID, "dept": "R&D"}
	for range 3 {
		subject, err := verifier.Verify(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(kept, subject); diff != "" {
			t.Fatal(diff)
		}
		// What a caller does to its own must not reach the next one.
		for _, own := range []*idp.Subject{&first, &subject} {
			own.Groups[0], own.AppRoles[0], own.Claims["dept"] = someone, "admin", "Board"
			_ = append(own.Groups[:1], someone)
			delete(own.Claims, "oid")
		}
	}
}

// TestWhatIsRememberedOfATokenHoldsNothingElseOfIt: an API may be set to emit groups as roles, and 200 of them are no app role.
func TestWhatIsRememberedOfATokenHoldsNothingElseOfIt(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, remembering)
	raw := e.Sign(e.user(map[string]any{
		"groups": []string{groupOne, "Sales", groupTwo}, "roles": append(slices.Repeat([]string{groupOne}, 200), "Hasura.Reader", "Other"),
	}))
	subject, err := verifier.Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	kept, ok := verifier.Remembered(raw)
	if diff := cmp.Diff(subject, kept); diff != "" || !ok {
		t.Fatalf("remembered (-want +got):\n%s", diff)
	}
	for i, read := range slices.Concat(subject.AppRoles, subject.Groups) {
		if text := slices.Concat(kept.AppRoles, kept.Groups)[i]; unsafe.StringData(text) == unsafe.StringData(read) {
			t.Errorf("%q is a part of what was read", text)
		}
	}
}

func TestARememberedTokenIsHeldAgainstTheClockEachTime(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, remembering)
	raw := e.Sign(e.user(nil)) // from 300 s ago for 75 minutes
	wantVerdict(t, verifier, raw, "accepted")
	steps := []struct {
		advance time.Duration
		want    string
	}{
		{75*time.Minute - 10*time.Second, "accepted"},
		{time.Nanosecond, "token_expired"},
		{-time.Nanosecond, "accepted"},
		{-75*time.Minute + 10*time.Second - 6*time.Minute, "accepted"}, // the clock was set back, as far as the leeway goes
		{-time.Nanosecond, "token_not_yet_valid"},
		{-48 * time.Hour, "claim_invalid"}, // now the token seems to live for longer than 48 hours
		{48 * time.Hour, "token_not_yet_valid"},
		{6 * time.Minute, "accepted"},
	}
	for i, step := range steps {
		e.clock.advance(step.advance)
		for range 2 {
			if got := judge(t, verifier, raw); got != step.want {
				t.Errorf("step %d: the verdict is %s, want %s", i, got, step.want)
			}
		}
	}
}

func TestARememberedTokenGoesWithItsKey(t *testing.T) {
	t.Parallel()
	const home = elsewhere + "/" + faketenant.TenantID
	tests := map[string]struct {
		path, old, new string // what the documents say from now on
		want           string
	}{
		"nothing has changed":              {"/keys", `"x5t"`, `"x5t-renamed"`, "accepted"},
		"the key was withdrawn":            {"/keys", `"kid":"FIRST"`, `"kid":"another"`, "key_unknown"},
		"the key is another under its id":  {"/keys", `"e":"AQAB"`, `"e":"Aw"`, "signature_invalid"},
		"the key is another issuer's":      {"/keys", `"issuer":"` + home, `"issuer":"` + elsewhere + "/" + faketenant.ConsumerTenantID, "key_issuer_mismatch"},
		"the key is another cloud's":       {"/keys", `"cloud_instance_name":"microsoftonline.com"`, `"cloud_instance_name":"x"`, "key_issuer_mismatch"},
		"the document is another cloud's":  {"-configuration", `"cloud_instance_name":"microsoftonline.com"`, `"cloud_instance_name":"x"`, "key_issuer_mismatch"},
		"the document is another issuer's": {"-configuration", home + `/v2.0"`, home + `/v3.0"`, "issuer_unknown"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			e.speaksOf(t, elsewhere, nil)
			verifier := e.warm(t, remembering, func(c *idp.Config) { c.Authority = elsewhere })
			raw := e.Sign(e.user(map[string]any{"iss": v2Of(elsewhere)}))
			wantVerdict(t, verifier, raw, "accepted")
			e.speaksOf(t, elsewhere, func(r *http.Request, body string) string {
				if !strings.HasSuffix(r.URL.Path, test.path) {
					return body
				}
				return strings.ReplaceAll(body, strings.Replace(test.old, "FIRST", e.KID(faketenant.KeyFirst), 1), test.new)
			})
			wantVerdict(t, verifier, raw, "accepted")
			refresh(t, verifier)
			for range 2 {
				wantVerdict(t, verifier, raw, test.want)
			}
			e.speaksOf(t, elsewhere, nil)
			refresh(t, verifier)
			wantVerdict(t, verifier, raw, "accepted")
		})
	}
}

func TestARememberedTokenIsNotGoodForLongerThanItsKeys(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, remembering)
	raw := e.Sign(e.user(map[string]any{"exp": nominal.Add(47 * time.Hour).Unix()}))
	wantVerdict(t, verifier, raw, "accepted")
	e.intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	e.clock.advance(24 * time.Hour)
	wantVerdict(t, verifier, raw, "accepted")
	e.clock.advance(time.Second)
	wantVerdict(t, verifier, raw, "unavailable")
}

func TestWhatIsRememberedIsTheWholeToken(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, remembering)
	good := e.Sign(e.user(nil))
	wantVerdict(t, verifier, good, "accepted")
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	other := strings.Split(e.Sign(e.user(map[string]any{"oid": "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101"})), ".")
	for name, test := range map[string]struct{ raw, want string }{
		"other claims":              {header + "." + other[1] + "." + signature, "signature_invalid"},
		"another signature":         {header + "." + payload + "." + other[2], "signature_invalid"},
		"another spelling":          {good[:len(good)-1] + nextInAlphabet(good[len(good)-1]), "token_malformed"},
		"the same with something":   {good + ".", "token_malformed"},
		"far too long":              {good + strings.Repeat("A", 32<<10), "token_too_large"},
		"and still the one it knew": {good, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantVerdict(t, verifier, test.raw, test.want)
		})
	}
}

func TestMemoryAndNoMemoryAgreeUnderLoad(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	// A few places for many tokens, while keys are refreshed: entries come and go all the time.
	verifier := e.warm(t, func(c *idp.Config) { c.CacheSize = 4 })
	var tokens []string
	for i := range 12 {
		tokens = append(tokens, e.Sign(e.user(map[string]any{"oid": fmt.Sprintf("00000000-0000-4000-8000-%012d", i)})))
	}
	var callers sync.WaitGroup
	for worker := range 8 {
		callers.Go(func() {
			for i := range 100 {
				n := (i*7 + worker) % len(tokens)
				subject, err := verifier.Verify(t.Context(), tokens[n])
				if err != nil || subject.ObjectID != fmt.Sprintf("00000000-0000-4000-8000-%012d", n) {
					t.Errorf("token %d is %s, %v", n, subject.ObjectID, err)
				}
				if i%50 == 0 {
					_ = verifier.Refresh(t.Context()) // late on a busy machine, it leaves the keys as they are
				}
			}
		})
	}
	callers.Wait()
}
