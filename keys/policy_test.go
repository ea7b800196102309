package keys_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

func TestTheDefaultPolicyComesToTheDocumentedFigures(t *testing.T) {
	t.Parallel()
	if err := policy.Validate(); err != nil {
		t.Errorf("the default policy is invalid: %v", err)
	}
	for name, pair := range map[string][2]time.Duration{
		"the staleness limit L":      {policy.Stale(), 54 * time.Minute},
		"HOLD":                       {policy.Hold(), 61 * time.Minute},
		"the shortest possible LEAD": {policy.MinLead(), 12 * time.Minute},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestAPolicyIsRefusedWithItsNumbers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		alter func(*keys.Policy)
		want  []string // in the error; none: it is valid
	}{
		"the default":                      {func(*keys.Policy) {}, nil},
		"everything as short as it may be": {func(p *keys.Policy) { *p = shortest }, nil},
		"everything as long as it may be": {func(p *keys.Policy) {
			p.Period, p.TTL, p.CDNTTL, p.Lead = 90*24*time.Hour, time.Hour, 10*time.Hour, 90*24*time.Hour
		}, nil},
		"a period of over 90 days":       {func(p *keys.Policy) { p.Period = 90*24*time.Hour + 1 }, []string{"period", "2160h0m0s"}},
		"a period shorter than the lead": {func(p *keys.Policy) { p.Period = 59 * time.Minute }, []string{"period 59m0s", "lead 1h0m0s"}},
		"a period shorter than half of HOLD": {func(p *keys.Policy) {
			p.TTL, p.MaxAge, p.Lead, p.Period = time.Hour, time.Minute, 4*time.Minute, 31*time.Minute
		}, []string{"period 31m0s", "half of 1h4m0s"}},
		"a period of exactly half of HOLD": {func(p *keys.Policy) {
			p.TTL, p.MaxAge, p.Lead, p.Period = time.Hour, time.Minute, 4*time.Minute, 32*time.Minute
		}, nil},
		"a token life of less than a minute":  {func(p *keys.Policy) { p.TTL = 59 * time.Second }, []string{"lifetime 59s", "1m0s and 1h0m0s"}},
		"a token life of more than an hour":   {func(p *keys.Policy) { p.TTL = time.Hour + 1 }, []string{"lifetime 1h0m0.000000001s"}},
		"a max-age of less than a minute":     {func(p *keys.Policy) { p.MaxAge = 59 * time.Second }, []string{"max-age of the key set 59s", "1m0s and 5m0s"}},
		"a max-age of more than five minutes": {func(p *keys.Policy) { p.MaxAge = 301 * time.Second }, []string{"max-age of the key set 5m1s"}},
		"a negative cache in front":           {func(p *keys.Policy) { p.CDNTTL = -1 }, []string{"-1ns"}},
		"a cache in front for centuries":      {func(p *keys.Policy) { p.CDNTTL = 1<<63 - 1 }, []string{"cannot keep it"}},
		"a lead shorter than two fetches":     {func(p *keys.Policy) { p.Lead, p.CDNTTL = 21*time.Minute, 10*time.Minute }, []string{"lead 21m0s", "5m0s", "10m0s", "want 22m0s"}},
		"an algorithm engines cannot read":    {func(p *keys.Policy) { p.Alg = "Ed25519" }, []string{`"Ed25519"`}},
		"nothing set at all":                  {func(p *keys.Policy) { *p = keys.Policy{} }, []string{"lifetime", "max-age", "lead", "algorithm"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := policy
			test.alter(&p)
			err := p.Validate()
			if len(test.want) == 0 && err != nil {
				t.Errorf("got error %v, want none", err)
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want one with %q", err, want)
				}
			}
		})
	}
}

// shortest is as quick a ring as the bounds allow.
var shortest = keys.Policy{
	Period: 4 * time.Minute, TTL: time.Minute, MaxAge: time.Minute, Lead: 4 * time.Minute, Alg: keys.EdDSA,
}
