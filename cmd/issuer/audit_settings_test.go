package main

import (
	"os"
	"strings"
	"testing"
)

func TestASettingOfTheAuditThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings []string
		words    []string
	}{
		"required without a database": {[]string{"ISSUER_AUDIT=required"}, []string{`ISSUER_AUDIT is "required"`, "ISSUER_DATABASE_URL"}},
		"off":                         {[]string{"ISSUER_AUDIT=off"}, []string{`ISSUER_AUDIT is "off"`, "best_effort or required"}},
		"no such mode":                {[]string{"ISSUER_AUDIT=sometimes"}, []string{"ISSUER_AUDIT", "best_effort", "required"}},
		"months before time began":    {[]string{"ISSUER_AUDIT_MONTHS=-1"}, []string{"ISSUER_AUDIT_MONTHS", "240"}},
		"months without end":          {[]string{"ISSUER_AUDIT_MONTHS=241"}, []string{"ISSUER_AUDIT_MONTHS", "240"}},
		"months that are none":        {[]string{"ISSUER_AUDIT_MONTHS=1y"}, []string{"ISSUER_AUDIT_MONTHS"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := onFiles(t, "https://login.microsoftonline.com", c.settings...)
			for _, command := range []string{"check", "serve"} {
				code, _, stderr := execute(t, settings, command)
				if code != exitUsage {
					t.Errorf("issuer %s: exit code %d", command, code)
				}
				for _, word := range c.words {
					if !strings.Contains(stderr, word) {
						t.Errorf("issuer %s: want %q in %s", command, word, stderr)
					}
				}
			}
		})
	}
}

// TestDevKeepsNoRecords but writes the lines of decisions where it is told to.
func TestDevKeepsNoRecords(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/exchanges.log"
	r := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0", "ISSUER_AUDIT=off", "ISSUER_AUDIT_FILE=" + path}, "dev")
	r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended)
	if code := r.end(); code != exitDone {
		t.Errorf("exit code %d: %s", code, r.stderr)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), `"message":"exchange"`) {
		t.Errorf("%v, the file holds %q", err, text)
	}
	if code, _, stderr := execute(t, []string{"ISSUER_LISTEN=127.0.0.1:0", "ISSUER_AUDIT=required"}, "dev"); code != exitUsage || !strings.Contains(stderr, "ISSUER_AUDIT") {
		t.Errorf("required: exit code %d, %s", code, stderr)
	}
}

func TestWrongUsageOfTheAuditIsOneSentence(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	for line, want := range map[string]string{
		"audit search --user ada":                        "--user wants an id (GUID)",
		"audit search --tenant contoso":                  "--tenant wants an id (GUID)",
		"audit tail --client x":                          "--client wants an id (GUID)",
		"audit search --token eyJhbGciOiJub25lIn0.e30.x": "--token wants 16 to 64 hex digits",
		"audit search --token 0123456789abcde":           "--token wants 16 to 64 hex digits",
		"audit search --kind mint":                       "--kind",
		"audit search --outcome maybe":                   "--outcome",
		"audit search --since yesterday":                 "--since: want a duration such as",
		"audit search --until 25:00":                     "--until: want a duration such as",
		"audit search --limit 0":                         "--limit is 0; it wants a number from 1 to 100000",
		"audit search --limit 100001":                    "--limit is 100001",
		"audit search --limit -1":                        "--limit is -1",
		"audit tail -n 100001":                           "-n is 100001; it wants a number from 0 to 100000",
		"audit search ada":                               "see issuer audit search --help",
		"audit":                                          "see issuer audit --help",
	} {
		code, stdout, stderr := execute(t, settings, strings.Fields(line)...)
		if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "issuer: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %q, %q, want %q", line, code, stdout, stderr, want)
		}
		if strings.Contains(stderr, "eyJ") {
			t.Errorf("%s: a token is repeated", line)
		}
	}
	if code, _, stderr := execute(t, nil, "audit", "search"); code != exitUsage || !strings.Contains(stderr, "ISSUER_DATABASE_URL") {
		t.Errorf("without a database: exit code %d, %s", code, stderr)
	}
}
