package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestIssuerRunGivesACommandWhatTheServiceHas has a stand-in for systemd-run note what it is told, and then run the shell that
// it is to run, with a stand-in for the program.
func TestIssuerRunGivesACommandWhatTheServiceHas(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, script := range map[string]string{
		"systemd-run": "#!/bin/sh\nfor word; do shift; case $word in /bin/sh) break;; *) echo \"told $word\";; esac; done\n" +
			"shell=$2; shift 2; exec /bin/sh -c \"$(printf %s \"$shell\" | sed 's#/usr/local/bin/issuer#" + folder + "/issuer#')\" \"$@\"\n",
		"issuer": "#!/bin/sh\necho \"runs $*, as $USER\"\nenv\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run := exec.CommandContext(t.Context(), "../../deploy/systemd/issuer-run", "roles", "revoke", "--reason", "a  b")
	run.Env = []string{"PATH=" + folder + ":/usr/bin:/bin", "SUDO_USER=kim", "CREDENTIALS_DIRECTORY=/run/c"}
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	unit := directives(t, "../../deploy/systemd/issuer.service")
	want := []string{"runs roles revoke --reason a  b, as kim", "told DynamicUser=yes", "told EnvironmentFile=" + unit["Service EnvironmentFile"][0]}
	for _, credential := range unit["Service LoadCredential"] {
		want = append(want, "told LoadCredential="+credential)
	}
	for _, variable := range unit["Service Environment"] {
		if strings.HasPrefix(variable, "GO") { // how the service that stays is paced is nothing to a command
			continue
		}
		want = append(want, strings.ReplaceAll(variable, "%d", "/run/c"))
	}
	for _, line := range want {
		if !strings.Contains("\n"+string(out), "\n"+line+"\n") {
			t.Errorf("no line is %q:\n%s", line, out)
		}
	}
}
