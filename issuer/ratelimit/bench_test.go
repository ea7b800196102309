package ratelimit_test

import (
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/ratelimit"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// BenchmarkTake is what a limit costs an exchange, by where it is counted.
func BenchmarkTake(b *testing.B) {
	client, err := redisconn.Open(redistest.New(b), func(error) {})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	wide := ratelimit.Rate{Events: 100_000, Per: time.Second}
	for name, o := range map[string]ratelimit.Options{
		"in process": {},
		"in Redis":   {Redis: client, NameKey: func() ([32]byte, error) { return [32]byte{7}, nil }},
	} {
		b.Run(name, func(b *testing.B) {
			l := ratelimit.New("bench", o)
			for b.Loop() {
				l.Take(b.Context(), wide, "203.0.113.7")
			}
		})
	}
	b.Run("in Redis, of one who is over the limit", func(b *testing.B) {
		l := ratelimit.New("bench", ratelimit.Options{Redis: client})
		take(b.Context(), l, tenAnHour, b.Name(), 11)
		for b.Loop() {
			l.Take(b.Context(), tenAnHour, b.Name())
		}
	})
}
