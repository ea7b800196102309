package aadsts_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/aadsts"
)

// TestTheManualHasEveryNumberWithACure holds the table of docs/entra.md against the cures.
func TestTheManualHasEveryNumberWithACure(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("aadsts.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/entra.md")
	if err != nil {
		t.Fatal(err)
	}
	cured := regexp.MustCompile(`(?m)^\t([0-9]+): `).FindAllSubmatch(source, -1)
	if len(cured) < 20 {
		t.Fatalf("only %d cures were found", len(cured))
	}
	for _, m := range cured {
		code, cure := aadsts.Find("AADSTS" + string(m[1]) + ": Something is wrong.")
		if code != "AADSTS"+string(m[1]) || cure == "" || !strings.Contains(string(page), "`"+code+"`") {
			t.Errorf("%s: cure %q, or the manual lacks it", code, cure)
		}
	}
	for _, m := range regexp.MustCompile("`(AADSTS[0-9]+)`").FindAllSubmatch(page, -1) {
		if _, cure := aadsts.Find(string(m[1]) + ": x"); cure == "" {
			t.Errorf("%s stands in the manual and has no cure", m[1])
		}
	}
}

func TestOnlyANumberAtTheFrontIsFound(t *testing.T) {
	t.Parallel()
	for description, want := range map[string]string{
		"AADSTS90002: Tenant 'x' not found.": "AADSTS90002", "AADSTS900021234567: x": "", "AADSTS: x": "", "see AADSTS90002": "", "": "",
		"AADSTS999999: a number without a cure": "AADSTS999999", "AADSTS90002secret": "", "AADSTS0123: x": "",
	} {
		if code, _ := aadsts.Find(description); code != want {
			t.Errorf("%q: %q, want %q", description, code, want)
		}
	}
}
