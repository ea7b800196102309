package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

// decision is the rule that decides. It is what ISSUER_POLICY_URL would name as /v1/data/issuer/decision.
const decision = "data.issuer.decision"

// refused are the builtins that reach the network, or the environment of this process, where secrets are. Those of JSON
// Schema fetch what a schema refers to.
func refused() []string {
	return []string{"http.send", "net.lookup_ip_addr", "opa.runtime", "json.match_schema", "json.verify_schema"}
}

// capabilities are all that this version of OPA can do, without those.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool { return slices.Contains(refused(), b.Name) })
	c.AllowNet = []string{} // nor does the compiler fetch schemas
	return c
}

// compile returns the rule that decides, ready to be evaluated.
func (files folder) compile(ctx context.Context) (rego.PreparedEvalQuery, error) {
	data := map[string]any{}
	options := []func(*rego.Rego){rego.Query(decision), rego.Capabilities(capabilities())}
	for _, f := range files {
		if path.Base(f.path) != "data.json" {
			options = append(options, rego.Module(f.path, string(f.text)))
		} else if err := f.addTo(data); err != nil {
			return rego.PreparedEvalQuery{}, err
		}
	}
	var compiler *ast.Compiler
	options = append(options, rego.Store(inmem.NewFromObject(data)), rego.CompilerHook(func(c *ast.Compiler) { compiler = c }))
	query, err := rego.New(options...).PrepareForEval(ctx)
	switch {
	case err != nil && strings.Contains(err.Error(), "undefined function"):
		return query, fmt.Errorf("compile the policy (%s are refused in this process): %w", strings.Join(refused(), ", "), err)
	case err != nil:
		return query, fmt.Errorf("compile the policy: %w", err)
	case len(compiler.GetRules(ast.MustParseRef(decision))) == 0:
		return query, errors.New("compile the policy: the package issuer has no rule named decision")
	}
	return query, nil
}

// addTo puts the document where its folder says, as OPA's bundles do: a/b/data.json is data.a.b.
func (f file) addTo(data map[string]any) error {
	var document map[string]any
	if err := util.NewJSONDecoder(bytes.NewReader(f.text)).Decode(&document); err != nil {
		return fmt.Errorf("read the policy: %s is no JSON object: %w", f.path, err)
	}
	at := data
	if dir := path.Dir(f.path); dir != "." {
		for name := range strings.SplitSeq(dir, "/") {
			below, ok := at[name].(map[string]any)
			if _, there := at[name]; there && !ok {
				return fmt.Errorf("read the policy: %s lies where another data.json has a value", f.path)
			}
			if below == nil {
				below = map[string]any{}
				at[name] = below
			}
			at = below
		}
	}
	for name, value := range document {
		if _, there := at[name]; there {
			return fmt.Errorf("read the policy: %s has a value where another data.json has one", f.path)
		}
		at[name] = value
	}
	return nil
}
