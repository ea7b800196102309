package browser_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/clients/nodetest"
)

// stand is a folder with the scripts, the modules that they look at, in the same places beside it, and their packages.
func stand(t *testing.T) string {
	t.Helper()
	packages := nodetest.Install(t, ".")
	root := t.TempDir()
	for from, to := range map[string]string{"../page": "playground/page", "../../web/parts": "web/parts"} {
		if err := os.CopyFS(filepath.Join(root, to), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(root, "playground", "browser")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains([]string{".mjs", ".json"}, filepath.Ext(entry.Name())) {
			continue
		}
		content, err := os.ReadFile(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, entry.Name()), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(packages, "node_modules"), filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return folder
}
