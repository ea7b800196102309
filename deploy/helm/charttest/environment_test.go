package charttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

const root = "../../.."

// program builds the issuer once, unless TEST_BINARY names one. The flags are those of `make build`, whose objects are then at hand.
var program = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("TEST_BINARY"); given != "" {
		return given, nil
	}
	path := filepath.Join(folder, "issuer")
	command := exec.Command("go", "build", "-C", root, "-trimpath", "-o", path, "./cmd/issuer")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	command.Stderr = os.Stderr
	return path, command.Run()
})

var folder string // of what is built

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "charttest"); err != nil {
		panic(err)
	}
	m.Run()
	_ = os.RemoveAll(folder)
}

// TestEveryEnvironmentOfTheChartPassesIssuerCheck runs the program itself on what each container is given. There is no
// database.
func TestEveryEnvironmentOfTheChartPassesIssuerCheck(t *testing.T) {
	t.Parallel()
	issuer, err := program()
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, _ string, r release) {
		for kind, template := range pods(r) {
			container, args, want := template.Spec.Containers[0], []string{"check"}, 0
			if kind == "Job" { // it has less than the service needs: what it has is right where only the database is missed
				args, want = container.Args, 1
			}
			command := exec.CommandContext(t.Context(), issuer, args...)
			command.Env = onThisMachine(t, template)
			out, err := command.CombinedOutput()
			if command.ProcessState == nil || command.ProcessState.ExitCode() != want {
				t.Errorf("%s: %v: %s", kind, err, out)
			}
			// A command line of the program's own: its help ends with 0, an unknown command or flag with 2.
			command = exec.CommandContext(t.Context(), issuer, append(container.Args, "--help")...)
			if out, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s %v: %v: %s", kind, container.Args, err, out)
			}
		}
	})
}

// onThisMachine is a pod's environment with its mounts in a folder of the test.
func onThisMachine(t *testing.T, template corev1.PodTemplateSpec) []string {
	t.Helper()
	dir := t.TempDir()
	container := template.Spec.Containers[0]
	moves := []string{}
	for _, mount := range container.VolumeMounts {
		for _, volume := range template.Spec.Volumes {
			if volume.Name == mount.Name {
				fill(t, filepath.Join(dir, mount.Name), volume)
				moves = append(moves, mount.MountPath, filepath.Join(dir, mount.Name))
			}
		}
	}
	var environ []string
	for name, value := range environment(container) {
		environ = append(environ, name+"="+strings.NewReplacer(moves...).Replace(value))
	}
	if template.Labels["azure.workload.identity/use"] == "true" { // as Azure's webhook does
		environ = append(environ, "AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure-identity-token")
	}
	return environ
}

// secretsOfTests are contents of the right form, by the name of the file.
var secretsOfTests = map[string]string{
	"database-url":        "postgres://issuer:x@127.0.0.1:1/issuer?sslmode=disable",
	"redis-url":           "rediss://:x@redis:6379/0",
	"keys-encryption-key": "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	"entra-client-secret": "not-a-secret~of-anybody",
	"policy-token":        "x",
	"admin-token-sha256":  strings.Repeat("ab", 32),
}

func fill(t *testing.T, dir string, volume corev1.Volume) {
	t.Helper()
	if volume.ConfigMap != nil {
		example := map[string]string{"issuer-policy": "policy/deny-list", "issuer-roles-query": "roles-queries"}[volume.ConfigMap.Name]
		if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "deploy", example))); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, source := range volume.Projected.Sources {
		for _, item := range source.Secret.Items {
			content := secretsOfTests[item.Path]
			if content == "" {
				t.Fatalf("no secret is called %s", item.Path)
			}
			if err := os.WriteFile(filepath.Join(dir, item.Path), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
