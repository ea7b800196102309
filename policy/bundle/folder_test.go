package bundle_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/policy/bundle"
	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
)

const (
	allows  = "package issuer\n\ndecision := true\n"
	refuses = "package issuer\n\ndecision := false\n"
)

// folder writes files, name after text.
func folder(t *testing.T, files ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i := 0; i < len(files); i += 2 {
		policytest.Write(t, dir, files[i], files[i+1])
	}
	return dir
}

func TestAFolderThatIsNoPolicyIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files []string
		words []string
	}{
		"it is empty":                     {nil, []string{"no .rego file"}},
		"it holds tests alone":            {[]string{"a_test.rego", allows}, []string{"no .rego file"}},
		"a file is broken":                {[]string{"a.rego", "package issuer\n\ndecision := {\n"}, []string{"a.rego:"}},
		"it is of another package":        {[]string{"a.rego", "package authz\n\nallow := true\n"}, []string{"package issuer", "decision"}},
		"it has another rule":             {[]string{"a.rego", "package issuer\n\nallow := true\n"}, []string{"package issuer", "decision"}},
		"data is no JSON":                 {[]string{"a.rego", allows, "data.json", "{"}, []string{"data.json"}},
		"data is a list":                  {[]string{"a.rego", allows, "data.json", "[]"}, []string{"data.json"}},
		"data takes the decision's place": {[]string{"a.rego", allows, "data.json", `{"issuer": {"decision": true}}`}, []string{"conflict"}},
		"data contradicts data":           {[]string{"a.rego", allows, "x/data.json", `{"y": 1}`, "data.json", `{"x": {"y": 2}}`}, []string{"data.json"}},
		"it is too large":                 {[]string{"a.rego", allows, "data.json", `{"x": "` + strings.Repeat("x", 16<<20) + `"}`}, []string{"16 MiB"}},
		"it asks the network":             {[]string{"a.rego", "package issuer\n\ndecision := http.send({\"method\": \"get\", \"url\": \"http://127.0.0.1:1\"}).body\n"}, []string{"http.send", "refused"}},
		"it does so behind a with": {
			[]string{"a.rego", "package issuer\n\nf(x) := x\n\ndecision := y if {\n\ty := f({\"method\": \"get\", \"url\": \"http://127.0.0.1:1\"}) with f as http.send\n}\n"}, []string{"http"}, // no builtin by that name is there at all
		},
		"it asks for names":           {[]string{"a.rego", "package issuer\n\ndecision := count(net.lookup_ip_addr(input.address)) > 0\n"}, []string{"net.lookup_ip_addr", "refused"}},
		"it asks for the environment": {[]string{"a.rego", "package issuer\n\ndecision := opa.runtime().env.X == \"1\"\n"}, []string{"opa.runtime", "refused"}},
		"it fetches schemas":          {[]string{"a.rego", "package issuer\n\ndecision := json.match_schema(input, {\"$ref\": \"http://127.0.0.1:1\"})[0]\n"}, []string{"json.match_schema", "refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bundle.Open(t.Context(), folder(t, c.files...), time.Minute)
			if err == nil {
				t.Fatal("it is taken for a policy")
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("want %q in: %v", word, err)
				}
			}
		})
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none"), filepath.Join(folder(t, "a.rego", allows), "a.rego"), t.TempDir()} {
		if _, err := bundle.Open(t.Context(), path, time.Minute); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("no folder with a policy, and the error does not name %s: %v", path, err)
		}
	}
}

// TestEveryBuiltinThatReachesOutIsKnown fails where a new version of OPA brings one, which has to be refused or shown to be
// harmless.
func TestEveryBuiltinThatReachesOutIsKnown(t *testing.T) {
	t.Parallel()
	harmless := []string{"rand.intn", "uuid.rfc4122", "time.now_ns", "io.jwt.decode_verify", "io.jwt.encode_sign", "io.jwt.encode_sign_raw"}
	refused := []string{"http.send", "net.lookup_ip_addr", "opa.runtime", "json.match_schema", "json.verify_schema"}
	for _, b := range ast.Builtins {
		if b.IsNondeterministic() && !slices.Contains(harmless, b.Name) && !slices.Contains(refused, b.Name) {
			t.Errorf("%s is neither refused nor known to be harmless", b.Name)
		}
	}
}

func TestDataLiesWhereItsFolderSays(t *testing.T) {
	t.Parallel()
	dir := folder(t, "deep/er/a.rego", "package issuer\n\ndecision := data.root == 1\n", "data.json", `{"root": 1}`,
		"b.rego", "package issuer.more\n\nx := 1\n", ".hidden/a.rego", "broken", ".hidden.rego", "broken", "readme.md", "broken", "lists/denied/data.json", `{"ids": []}`)
	v, err := open(t, dir, time.Minute).Decide(t.Context(), policytest.Input("token"))
	if err != nil || !v.Allow {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestAConfigMapIsRead: Kubernetes mounts each file as a link into a folder whose name begins with dots, and swaps that.
func TestAConfigMapIsRead(t *testing.T) {
	t.Parallel()
	dir := folder(t, "..one/a.rego", allows, "..two/a.rego", refuses)
	for link, to := range map[string]string{"..data": "..one", "a.rego": "..data/a.rego"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, dir, time.Minute)
	changes := watch(t, b)
	if v, err := b.Decide(t.Context(), policytest.Input("token")); err != nil || !v.Allow {
		t.Errorf("%+v, %v", v, err)
	}
	if err := os.Symlink("..two", filepath.Join(dir, "..next")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	<-changes.read
	if v, err := b.Decide(t.Context(), policytest.Input("token")); err != nil || v.Allow {
		t.Errorf("after the swap: %+v, %v", v, err)
	}
}

// changes are what Run tells.
type changes struct {
	read     chan bundle.Version
	reported chan error
}

func watch(t *testing.T, b *bundle.Bundle) changes {
	t.Helper()
	c := changes{make(chan bundle.Version, 10), make(chan error, 10)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(t.Context(), func(err error) { c.reported <- err }, func(v bundle.Version) { c.read <- v })
	}()
	t.Cleanup(func() { <-ended })
	return c
}

func TestABrokenVersionIsReportedAndTheLastGoodOneStays(t *testing.T) {
	t.Parallel()
	dir := folder(t, "a.rego", allows)
	b := open(t, dir, time.Minute)
	changes := watch(t, b)
	decide := func() policy.Verdict {
		t.Helper()
		v, err := b.Decide(t.Context(), policytest.Input("token"))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first := decide()

	policytest.Write(t, dir, "a.rego", "package issuer\n\ndecision := input.\n")
	if err := <-changes.reported; !strings.Contains(err.Error(), "a.rego:") {
		t.Error(err)
	}
	if got := decide(); !got.Allow || got.Decision != first.Decision || b.Health() == nil {
		t.Errorf("with a broken version: %+v, health %v", got, b.Health())
	}

	policytest.Write(t, dir, "a.rego", refuses)
	version := <-changes.read
	if got := decide(); got.Allow || got.Decision != version.ID || got.Decision == first.Decision || b.Health() != nil || !version.Mended || version.Files != 1 {
		t.Errorf("with a good one: %+v, %+v, health %v", got, version, b.Health())
	}

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	<-changes.reported
	if got := decide(); got.Allow || b.Health() == nil {
		t.Errorf("without the folder: %+v, health %v", got, b.Health())
	}
	if len(changes.reported)+len(changes.read) > 0 {
		t.Error("something was told twice")
	}
}

// TestAFolderThatChangesAllTheTimeIsNotRead until it rests: what lies there meanwhile may be half of something.
func TestAFolderThatChangesAllTheTimeIsNotRead(t *testing.T) {
	t.Parallel()
	dir := folder(t, "a.rego", allows)
	b := open(t, dir, time.Minute)
	synctest.Test(t, func(t *testing.T) {
		var read, reported atomic.Int32
		go b.Run(t.Context(), func(error) { reported.Add(1) }, func(bundle.Version) { read.Add(1) })
		for i := range 10 {
			synctest.Wait()
			policytest.Write(t, dir, "a.rego", refuses+strings.Repeat("\n", i))
			time.Sleep(500 * time.Millisecond)
		}
		if read.Load()+reported.Load() > 0 {
			t.Errorf("%d versions read and %d reported while it changed", read.Load(), reported.Load())
		}
		time.Sleep(time.Second)
		if read.Load() != 1 {
			t.Errorf("%d versions read once it rests, want 1", read.Load())
		}
	})
}
