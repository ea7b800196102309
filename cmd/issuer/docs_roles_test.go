package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// perRun is what differs from one explanation to the next.
var perRun = regexp.MustCompile(`(ends +|"(?:iat|nbf|exp)": |"jti": ")[A-Z0-9:-]+`)

// TestTheExplanationInTheDocumentsIsWhatIsPrinted runs the example of docs/roles.md: these grants, this command, this text.
func TestTheExplanationInTheDocumentsIsWhatIsPrinted(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/roles.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Why has this person no access?\n")
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```.*?```sh\nissuer (.*?)\n```.*?```text\n(.*?)```").FindStringSubmatch(section)
	if blocks == nil {
		t.Fatal("docs/roles.md has no grants, command and text to compare")
	}
	settings := environ("https://login.microsoftonline.com", "ISSUER_URL=https://auth.example.com", "ISSUER_ROLES_FILE="+written(t, blocks[1]))
	code, stdout, stderr := execute(t, settings, strings.Fields(blocks[2])...)
	if code != exitDone || stderr != "" {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if diff := cmp.Diff(perRun.ReplaceAllString(blocks[3], "$1"), perRun.ReplaceAllString(stdout, "$1")); diff != "" {
		t.Errorf("docs/roles.md (-documented +printed):\n%s", diff)
	}
}
