package history_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

func TestRecordsAreListedFromTheNewestAsFarAsWanted(t *testing.T) {
	t.Parallel()
	pool := sixRecords(t)
	middle := everything(t, pool)[2].At
	for name, tc := range map[string]struct {
		query history.Query
		want  []int64
	}{
		"all":                     {history.Query{Limit: 100}, []int64{6, 5, 4, 3, 2, 1}},
		"the newest two":          {history.Query{Limit: 2}, []int64{6, 5}},
		"the page behind them":    {history.Query{Limit: 2, Before: 5}, []int64{4, 3}},
		"those of one role":       {history.Query{Limit: 100, Filter: rolestore.Filter{Role: "b"}}, []int64{6, 2}},
		"the newest of one role":  {history.Query{Limit: 1, Filter: rolestore.Filter{Role: "b"}}, []int64{6}},
		"those since a moment":    {history.Query{Limit: 100, Since: middle}, []int64{6, 5, 4}},
		"those since tomorrow":    {history.Query{Limit: 100, Since: time.Now().Add(24 * time.Hour)}, nil},
		"none, since none is due": {history.Query{Limit: 0}, nil},
	} {
		records, err := history.List(t.Context(), pool, tc.query)
		must(t, err)
		var got []int64
		for _, r := range records {
			got = append(got, r.Number)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPagesOfTheHistoryTogetherAreAllOfIt(t *testing.T) {
	t.Parallel()
	pool := sixRecords(t)
	for name, tc := range map[string]struct {
		query history.Query
		want  string // page by page
	}{
		"all at once":          {history.Query{Limit: 100}, "6 5 4 3 2 1"},
		"as many as there are": {history.Query{Limit: 6}, "6 5 4 3 2 1"},
		"two at a time":        {history.Query{Limit: 2}, "6 5 | 4 3 | 2 1"},
		"four at a time":       {history.Query{Limit: 4}, "6 5 4 3 | 2 1"},
		"of one role":          {history.Query{Limit: 1, Filter: rolestore.Filter{Role: "b"}}, "6 | 2 |"}, // the last one looks at the first record
		"none":                 {history.Query{Limit: 1, Since: time.Now().Add(24 * time.Hour)}, ""},
	} {
		var pages []string
		for {
			page, err := history.ListPage(t.Context(), pool, tc.query)
			must(t, err)
			var numbers []string
			for _, r := range page.Records {
				numbers = append(numbers, strconv.FormatInt(r.Number, 10))
			}
			pages = append(pages, strings.Join(numbers, " "))
			if page.Before == 0 {
				break
			}
			tc.query.Before = page.Before
		}
		if got := strings.TrimSpace(strings.Join(pages, " | ")); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestAPageOfALongHistoryLooksAtSoMuchOfIt(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	behindItsBack(t, pool, `INSERT INTO issuer.role_history (number, at, actor, login, address, application, kind, after, hash)
		SELECT n, now(), 'a', 'b', '', '', 'block', json_build_object('tenant', '`+contoso+`', 'principal_kind', 'user', 'principal', '`+alice+`'), repeat('0', 64) FROM generate_series(1, 60001) AS n`)
	q := history.Query{Limit: 5, Filter: rolestore.Filter{Tenant: contoso, Role: "none"}}
	var ends []int64
	for {
		page, err := history.ListPage(t.Context(), pool, q)
		must(t, err)
		if ends = append(ends, page.Before); page.Before == 0 || len(page.Records) > 0 {
			break
		}
		q.Before = page.Before
	}
	if diff := cmp.Diff([]int64{10002, 0}, ends); diff != "" {
		t.Errorf("pages end before (-want +got):\n%s", diff)
	}
}

func TestAFilterLooksThroughAllPages(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role)
		SELECT $1, 'user', $2, 'r' || lpad(n::text, 5, '0') FROM generate_series(1, 10001) AS n`, contoso, alice)
	if records, err := history.List(t.Context(), pool, history.Query{Limit: 5, Filter: rolestore.Filter{Role: "r00001"}}); err != nil || len(records) != 1 || records[0].Number != 1 {
		t.Errorf("found %+v, %v", records, err)
	}
}

func TestARecordIsShownWithTheNamesOfRolesYAML(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	g := userGrant(alice, "reader")
	g.Until = time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	g.Session = map[string]rolestore.Value{"x-hasura-regions": rolestore.List("eu", "us")}
	g.Reason = "a \u202e b"
	mustApply(t, pool, "ada", g)
	mustApply(t, pool, "ada")
	records := everything(t, pool)
	const entry = "grant { tenant: " + contoso + ", user: " + alice + ", role: reader, session: { x-hasura-regions: [eu, us] }, until: 2026-12-31T00:00:00Z, reason: \"a \\u202e b\" }"
	if records[0].Line() != "- "+entry || records[1].Line() != "+ "+entry {
		t.Errorf("lines:\n%s\n%s\nwant\n%s", records[0].Line(), records[1].Line(), entry)
	}
	text, err := json.Marshal(records[1])
	must(t, err)
	const grant = `"grant":{"before":null,"after":{"tenant":"` + contoso + `","user":"` + alice + `","role":"reader","session":{"x-hasura-regions":["eu","us"]},"until":"2026-12-31T00:00:00Z"`
	if !strings.Contains(string(text), grant) || strings.Contains(string(text), `"block"`) {
		t.Errorf("as JSON: %s\nwant in it: %s", text, grant)
	}
}

// A record that somebody spoilt must not hide the others.
func TestARecordThatCannotBeReadIsShownAsSuch(t *testing.T) {
	t.Parallel()
	pool := sixRecords(t)
	behindItsBack(t, pool, `UPDATE issuer.role_history SET after = '"x"' WHERE number = 5`)
	records, err := history.List(t.Context(), pool, history.Query{Limit: 10, Filter: rolestore.Filter{Role: "nobodys"}})
	if err != nil || len(records) != 1 || records[0].Number != 5 || records[0].Line() != "? cannot be read" {
		t.Errorf("listed %+v, %v", records, err)
	}
}
