package bench

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// roles gives a caller that many roles, up to as many as a token has room for.
func roles(b *testing.B) []*point {
	b.Helper()
	w := newGrowing(b)
	const most = 1000
	who := func(n int) string { return fmt.Sprintf("44444444-0000-4000-8000-%012x", n) }
	w.exec(w.database, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role)
		SELECT $1::uuid, 'user', $2, 'role_' || lpad(n::text, 4, '0') FROM generate_series(1, $3::int) AS n`, faketenant.TenantID, who(most), most)
	p := w.serve()
	room := w.room(p, w.token(faketenant.TenantID, who(most), 0, 0), most)
	var points []*point
	for _, n := range counts(room, 1, 10, 30, 100, 200) {
		w.exec(w.database, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) SELECT tenant, principal_kind, $1, role FROM issuer.grants
			WHERE principal = $2 AND role <= 'role_' || lpad($3::int::text, 4, '0') AND $1 <> $2`, who(n), who(most), n)
		tokens := make([]string, shown)
		for i := range tokens {
			tokens[i] = w.token(faketenant.TenantID, who(n), i, 0)
		}
		points = append(points, &point{line: "all in the token", n: n, target: w.exchanging(p, tokenPath, tokens)})
	}
	return points
}

// room is how many roles of a caller with so many fit into a token, found by asking for fewer.
func (w *world) room(p *proctest.Program, token string, most int) int {
	w.Helper()
	fit, over := 0, most+1
	for over-fit > 1 {
		n := (fit + over) / 2
		var scope []string
		for i := range n {
			scope = append(scope, fmt.Sprintf("role_%04d", i+1))
		}
		form := url.Values{
			"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
			"subject_token": {token}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}, "scope": {strings.Join(scope, " ")},
		}
		answer, err := http.PostForm(p.Base+tokenPath, form)
		if err != nil {
			w.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			fit = n
		} else {
			over = n
		}
	}
	return fit
}
