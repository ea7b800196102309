package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// crew is a role in every state it can be in.
const crew = `grants:
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, everyone: true, role: crew, from: 2099-01-01T00:00:00Z, until: 2099-12-31T00:00:00Z }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, group: d1000001-aaaa-4bbb-8ccc-000000000001, role: crew, priority: 10, session: { x-hasura-org-id: "42" } }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101, role: crew, until: 2026-01-31T00:00:00Z, reason: "INC-77" }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303, role: crew }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 44a6b8ca-4c6e-48a0-92d4-f6b8cae20404, role: crew }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 44a6b8ca-4c6e-48a0-92d4-f6b8cae20404, role: other }
  - { tenant: 0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f, user: 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303, role: crew }
blocks:
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303, reason: "left" }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 44a6b8ca-4c6e-48a0-92d4-f6b8cae20404, until: 2020-01-01T00:00:00Z }
`

func TestWhoHasARoleIsPrintedWithWhatItIsWorth(t *testing.T) {
	t.Parallel()
	inDatabase := migrated(t)
	if code, _, stderr := executeWith(t, inDatabase, crew, "roles", "apply", "--yes", "-f", "-"); code != exitDone {
		t.Fatal(stderr)
	}
	const want = `TENANT                                PRINCIPAL                                   NOW          PRIORITY  FROM                  UNTIL                 SESSION             REASON
7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901  everyone                                    to come      0         2099-01-01T00:00:00Z  2099-12-31T00:00:00Z                      
7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901  group d1000001-aaaa-4bbb-8ccc-000000000001  in force     10        -                     -                     x-hasura-org-id=42  
7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901  user 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101   over         0         -                     2026-01-31T00:00:00Z                      INC-77
7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901  user 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303   blocked      0         -                     -                                         
7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901  user 44a6b8ca-4c6e-48a0-92d4-f6b8cae20404   in force     0         -                     -                                         
7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901  user 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303   (the block)                                  -                                         left
7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901  user 44a6b8ca-4c6e-48a0-92d4-f6b8cae20404   (the block)                                  2020-01-01T00:00:00Z                      
`
	for name, settings := range map[string][]string{"postgres": inDatabase, "a file": {"ISSUER_ROLES_FILE=" + written(t, crew)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t, settings, "roles", "who-has", "crew", "--tenant", strings.ToUpper(inTenant))
			if diff := cmp.Diff(want, stdout); diff != "" || code != exitDone || stderr != "" {
				t.Errorf("exit code %d, stderr %q, text (-want +got):\n%s", code, stderr, diff)
			}
			code, stdout, _ = execute(t, settings, "roles", "who-has", "crew", "--json")
			var got struct {
				Role   string
				Grants []struct {
					Grant    map[string]any
					Standing string
					Blocked  bool
				}
				Blocks []any
				More   bool
			}
			if err := json.Unmarshal([]byte(stdout), &got, json.MatchCaseInsensitiveNames(true)); err != nil || code != exitDone {
				t.Fatalf("exit code %d, %v", code, err)
			}
			var standings []string
			for _, g := range got.Grants {
				standings = append(standings, g.Standing+map[bool]string{true: ", blocked"}[g.Blocked])
			}
			if diff := cmp.Diff([]string{"in_force", "not_yet", "in_force", "over", "in_force, blocked", "in_force"}, standings); diff != "" || got.Role != "crew" || len(got.Blocks) != 2 || got.More {
				t.Errorf("%+v; standings (-want +got):\n%s", got, diff)
			}
			if code, stdout, _ := execute(t, settings, "roles", "who-has", "other", "--tenant", "0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f"); code != exitDone || stdout != "nobody: there is no grant of the role other in this tenant\n" {
				t.Errorf("in a tenant without it: exit code %d, %q", code, stdout)
			}
			if code, stdout, _ := execute(t, settings, "roles", "who-has", "nobodys"); code != exitDone || stdout != "nobody: there is no grant of the role nobodys\n" {
				t.Errorf("a role that nobody has: exit code %d, %q", code, stdout)
			}
			for line, want := range map[string]string{"": "role", "a'b": "role", "crew --tenant contoso": "tenant"} {
				if code, _, stderr := execute(t, settings, append([]string{"roles", "who-has"}, strings.Fields(line)...)...); code != exitUsage || !strings.Contains(stderr, want) {
					t.Errorf("%q: exit code %d, %q", line, code, stderr)
				}
			}
		})
	}
}

// written is a file that holds text.
func written(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAThousandHoldersAreEnoughWithoutAll(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	mustExec(t, settings, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) SELECT '`+inTenant+`', 'user', gen_random_uuid()::text, 'crew' FROM generate_series(1, 1001)`)
	for args, want := range map[string]int{"": 1000, "--all": 1001} {
		code, stdout, stderr := execute(t, settings, append([]string{"roles", "who-has", "crew"}, strings.Fields(args)...)...)
		if n := strings.Count(stdout, "in force"); code != exitDone || n != want || strings.Contains(stderr, "--all") != (want == 1000) {
			t.Errorf("%q: exit code %d, %d holders, %q", args, code, n, stderr)
		}
	}
}
