package main

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/telemetry"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// instant is a verifier that knows everybody.
type instant struct{}

func (instant) Verify(context.Context, string) (idp.Subject, error) { return idp.Subject{}, nil }

func TestAStageThatIsNotFollowedAllocatesNothing(t *testing.T) {
	m, ctx := newMetrics(nil), t.Context()
	v := stagedVerifier{instant{}, stage{stageVerify, m.stages.WithLabelValues(stageVerify), nil}}
	if n := testing.AllocsPerRun(100, func() { _, _ = v.Verify(ctx, "") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// benchService is a service on files, ready to exchange the token that comes with it.
func benchService(b *testing.B, more ...string) (svc *service, token string) {
	b.Helper()
	tenant, server := entra(b)
	s, err := loadService(onFiles(b, server.URL, append(more, "ISSUER_RATE_LIMIT_SUBJECT=100000/s")...))
	if err != nil {
		b.Fatal(err)
	}
	if svc, err = newService(b.Context(), s, &program{stderr: io.Discard}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(svc.close)
	if err := svc.ring.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := svc.verifier.Refresh(b.Context()); err != nil {
		b.Fatal(err)
	}
	return svc, personaToken(b, tenant, "editor")
}

// BenchmarkExchange is one exchange of a token that is remembered: with its parts as they are, with their times taken, and in
// a request that is followed, too.
func BenchmarkExchange(b *testing.B) {
	svc, token := benchService(b)
	bare, err := issuer.New(issuerConfig(svc.settings), svc.verifier, nil, svc.roles, svc.ring)
	if err != nil {
		b.Fatal(err)
	}
	off, err := svc.newExchange(issuerConfig(svc.settings), svc.verifier, svc.ring)
	if err != nil {
		b.Fatal(err)
	}
	receiver, err := telemetry.Open(b.Context(), telemetry.Config{Endpoint: "http://127.0.0.1:1/v1/traces"}, telemetry.Identity{}, func(error) {})
	if err != nil {
		b.Fatal(err)
	}
	defer receiver.Close()
	svc.tracing = receiver
	on, err := svc.newExchange(issuerConfig(svc.settings), svc.verifier, svc.ring)
	if err != nil {
		b.Fatal(err)
	}
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "/oauth2/token", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	followed, _ := receiver.Begin(b.Context(), request, "/oauth2/token", false)
	for _, c := range []struct {
		name     string
		exchange *issuer.Issuer
		ctx      context.Context
	}{{"bare", bare, b.Context()}, {"traces off", off, b.Context()}, {"traces on", on, followed}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.exchange.Exchange(c.ctx, issuer.Request{SubjectToken: token, Door: issuer.DoorToken, Address: "127.0.0.1"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
