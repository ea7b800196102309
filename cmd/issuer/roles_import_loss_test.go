package main

import (
	"slices"
	"strings"
	"testing"
)

const salesRole = "sales_orders_0_view_role"

// meanwhile answers every question with yes, once something has happened.
type meanwhile struct {
	happen  func()
	answers *strings.Reader
}

func (m *meanwhile) Read(p []byte) (int, error) {
	if m.happen != nil {
		m.happen()
		m.happen = nil
	}
	return m.answers.Read(p)
}

func TestAnImportThatTakesMuchAwayIsAskedForTwice(t *testing.T) {
	t.Parallel()
	url, run := witboost(t)
	tenant, settings := mapping(t, "ISSUER_WITBOOST_DATABASE_URL="+url)
	roles := func(more []string, args ...string) (code int, stdout, stderr string) {
		t.Helper()
		out, errs := newOutput(), newOutput()
		p := program{environ: append(slices.Clip(settings), more...), stdin: strings.NewReader(""), stdout: out, stderr: errs, azure: tenant.Client()}
		code = p.run(t.Context(), append([]string{"roles"}, args...))
		return code, out.String(), errs.String()
	}
	done := func(args ...string) {
		t.Helper()
		if code, _, stderr := roles(nil, args...); code != exitDone {
			t.Fatalf("%q: exit code %d, %s", args, code, stderr)
		}
	}
	held := func() bool {
		t.Helper()
		_, stdout, _ := roles(nil, "list", "--role", salesRole)
		return strings.Contains(stdout, someone)
	}
	done("import-witboost", "--yes") // which only adds

	run(`DELETE FROM rolemapping.user_roles; DELETE FROM rolemapping.group_roles`)
	for _, flag := range []string{"--dry-run", "--yes"} {
		code, stdout, stderr := roles(nil, "import-witboost", flag, "--confirm-removal")
		if code != exitFailed || strings.Count(stderr, "ISSUER_COMPAT_ALLOW_EMPTY=true") != 2 || !strings.Contains(stderr, "every user") || !strings.Contains(stderr, "every group") || !strings.Contains(stdout, "- role "+salesRole) {
			t.Errorf("emptied lists, %s: exit code %d\n%s%s", flag, code, stdout, stderr)
		}
	}
	allowed := []string{"ISSUER_COMPAT_ALLOW_EMPTY=true"}
	if code, _, stderr := roles(allowed, "import-witboost", "--dry-run"); code != exitDone || !strings.Contains(stderr, "the last of "+salesRole) || !strings.Contains(stderr, "--confirm-removal") {
		t.Errorf("--dry-run: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := roles(allowed, "import-witboost", "--yes"); code != exitUsage || !strings.Contains(stderr, "2 of all 7 grants go, and with them the last of "+salesRole) || !strings.Contains(stderr, "--confirm-removal") {
		t.Errorf("--yes alone: exit code %d, %s", code, stderr)
	}
	if !held() {
		t.Error("the grants are gone")
	}

	// While the question stands, another grant goes that would have kept the role.
	const other = "22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0"
	done("grant", "--user", other, "--role", salesRole)
	errs := newOutput()
	p := program{environ: append(slices.Clip(settings), allowed...), stdout: newOutput(), stderr: errs, azure: tenant.Client(), terminal: true, stdin: &meanwhile{
		func() { done("revoke", "--user", other, "--role", salesRole, "--yes", "--confirm-removal") }, strings.NewReader("y\ny\n"),
	}}
	if code := p.run(t.Context(), []string{"roles", "import-witboost"}); code != exitFailed || !strings.Contains(errs.String(), "have changed since") || !held() {
		t.Errorf("meanwhile: exit code %d, %s", code, errs)
	}
	if code, stdout, stderr := roles(allowed, "import-witboost", "--yes", "--confirm-removal", "--json"); code != exitDone || held() || !strings.Contains(stdout, `"removed": 2`) {
		t.Errorf("confirmed: exit code %d\n%s%s", code, stdout, stderr)
	}
}
