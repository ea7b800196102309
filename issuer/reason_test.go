package issuer_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// constants returns the values of the constants in a source file whose names begin with Reason.
func constants(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, text)
		return false
	})
	slices.Sort(values)
	return values
}

func TestReasonsListsEveryReasonOnce(t *testing.T) {
	t.Parallel()
	var got []string
	for _, reason := range issuer.Reasons() {
		got = append(got, string(reason))
	}
	slices.Sort(got)
	if diff := cmp.Diff(constants(t, "reason.go"), got); diff != "" {
		t.Errorf("(-constants +list):\n%s", diff)
	}
}

// A reason of the verifier's that is missing here would reach clients as a fault of ours.
func TestEveryReasonOfTheVerifierIsKnown(t *testing.T) {
	t.Parallel()
	theirs := constants(t, "../idp/reason.go")
	if len(theirs) == 0 {
		t.Fatal("no reasons found in package idp")
	}
	for _, reason := range theirs {
		if !slices.Contains(issuer.Reasons(), issuer.Reason(reason)) {
			t.Errorf("%s is not known", reason)
		}
	}
}

func TestAnErrorsTextIsItsReasonAndItsFinding(t *testing.T) {
	t.Parallel()
	finding := errors.New("connection reset")
	err := &issuer.Error{Reason: issuer.ReasonInternal, Err: finding}
	if got := err.Error(); got != "internal: connection reset" || !errors.Is(err, finding) {
		t.Errorf("%q", got)
	}
	if got := (&issuer.Error{Reason: issuer.ReasonBlocked}).Error(); got != "blocked" {
		t.Errorf("%q", got)
	}
}
