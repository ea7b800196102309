package api_test

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// TestTheREADMEListsEveryReasonAsItIsAnswered keeps the README's table and the one table of answers in step.
func TestTheREADMEListsEveryReasonAsItIsAnswered(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| ([0-9]{3}) `([a-z_]+)` \\| `([a-z_]+)` \\| [^|]+ \\|$").FindAllStringSubmatch(string(readme), -1) {
		documented[row[3]] = row[1] + " " + row[2]
	}
	answered := map[string]string{}
	for reason, problem := range api.Problems() {
		answered[string(reason)] = fmt.Sprintf("%d %s", problem.Status, problem.Code)
	}
	if diff := cmp.Diff(answered, documented); diff != "" {
		t.Errorf("reasons (-answered +documented):\n%s", diff)
	}
}
