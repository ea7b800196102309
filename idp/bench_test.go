package idp_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// BenchmarkVerify judges tokens from the beginning, BenchmarkVerifyAgain the same ones from memory; small has 8 groups and
// large 200, as in Entra's.
func BenchmarkVerify(b *testing.B) { benchmark(b, func(*idp.Config) {}) }

func BenchmarkVerifyAgain(b *testing.B) { benchmark(b, func(c *idp.Config) { c.CacheSize = 10_000 }) }

func benchmark(b *testing.B, change func(*idp.Config)) {
	b.Helper()
	e := newEntra(b)
	for name, groups := range map[string]int{"small": 8, "large": 200} {
		verifier := e.warm(b, change)
		ids := make([]string, groups)
		for i := range ids {
			ids[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		}
		var tokens []string
		for range 64 { // so that cores do not always want the same entry
			claims, err := json.Marshal(e.user(map[string]any{"groups": ids}))
			if err != nil {
				b.Fatal(err)
			}
			tokens = append(tokens, e.SignRaw(e.header(), claims, faketenant.KeyFirst))
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := verifier.Verify(b.Context(), tokens[i%len(tokens)]); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
