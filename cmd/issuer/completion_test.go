package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// onPath is a folder in which this program is called issuer, and its completion scripts lie as issuer.SHELL.
func onPath(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	program := "#!/bin/sh\n" + asProgram + "=1 exec " + quoted(os.Args[0]) + ` "$@"` + "\n"
	if err := os.WriteFile(filepath.Join(folder, "issuer"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, script, stderr := execute(t, nil, "completion", shell)
		if code != exitDone || script == "" {
			t.Fatalf("%s: exit code %d, %s", shell, code, stderr)
		}
		if err := os.WriteFile(filepath.Join(folder, "issuer."+shell), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestCompletionNamesTheShellsThatItHas(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"completion":      "issuer: expected \"<bash|zsh|fish>\"; see issuer completion --help\n",
		"completion tcsh": "issuer: <bash|zsh|fish> must be one of \"bash\",\"zsh\",\"fish\" but got \"tcsh\"; see issuer completion --help\n",
	} {
		if code, _, stderr := execute(t, nil, strings.Fields(line)...); code != exitUsage || stderr != want {
			t.Errorf("issuer %s: exit code %d, %q, want %q", line, code, stderr, want)
		}
	}
}

// inShell runs a program of a shell in folder, with its own folder of settings.
func inShell(t *testing.T, folder, shell string, args ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), shell, args...)
	run.Dir = folder
	run.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "HOME=" + folder, "XDG_CONFIG_HOME=" + folder, "XDG_DATA_HOME=" + folder, "TERM=dumb"}
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", shell, err, out)
	}
	return string(out)
}

// completions are lines with a | where the cursor is, and what they have to be completed to, blanks between.
var completions = map[string]string{
	"issuer ke|":                           "keys",
	"issuer keys re|":                      "revoke reseal",
	"issuer audit search --kind |":         "exchange keys roles settings any",
	"issuer audit search --kind ex|":       "exchange",
	"issuer keys rotate --now --fo|":       "--force",
	"issuer keys rotate --force --fo|":     "",
	"issuer exchange --role a --rol|":      "--role",
	"issuer completion |":                  "bash zsh fish",
	"issuer compl|":                        "completion", // and not the hidden one
	"issuer roles apply -f some|":          "somewhere.yaml",
	"issuer keys import some|":             "somewhere.yaml",
	"issuer keys revoke --reason keys re|": "", // a value, and then a key's id
	"issuer keys revoke -- --re|":          "", // a key's id, too
}

func TestBashCompletes(t *testing.T) {
	t.Parallel()
	folder := onPath(t)
	if err := os.WriteFile(filepath.Join(folder, "somewhere.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// What readline does with COMPREPLY, and by itself where the script asks it to.
	const asReadline = `set -u
compopt() { names=("$@"); }
source ./issuer.bash
complete -p issuer >/dev/null || exit 7
names=() COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_issuer
if [ "${names[*]-}" = "-o default" ]; then COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")); fi
echo "${COMPREPLY[*]-}"`
	for line, want := range completions {
		words := strings.Split(strings.TrimSuffix(line, "|"), " ")
		if got := strings.TrimSpace(inShell(t, folder, "bash", append([]string{"-c", asReadline, "bash"}, words...)...)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	for line, want := range map[string]string{"issuer audit search --kind =": "exchange keys roles settings any", "issuer audit search --kind = ex": "exchange"} { // as bash splits at =
		if got := strings.TrimSpace(inShell(t, folder, "bash", append([]string{"-c", asReadline, "bash"}, strings.Split(line, " ")...)...)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestZshCompletes(t *testing.T) {
	t.Parallel()
	folder := onPath(t)
	if err := os.WriteFile(filepath.Join(folder, "somewhere.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// The functions that the script ends in say what they were told; the real ones need a terminal.
	const asZsh = `autoload -Uz compinit && compinit -u -d ./dump
source ./issuer.zsh
[[ $_comps[issuer] == _issuer ]] || exit 7
_describe() { print -r -- ${candidates%%:*} }
_files() { print -r -- ${words[CURRENT]}*(N) }
words=("$@") CURRENT=$#
_issuer`
	for line, want := range completions {
		words := strings.Split(strings.TrimSuffix(line, "|"), " ")
		if got := strings.TrimSpace(inShell(t, folder, "zsh", append([]string{"-f", "-c", asZsh, "zsh"}, words...)...)); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

func TestFishCompletes(t *testing.T) {
	t.Parallel()
	folder := onPath(t)
	if err := os.WriteFile(filepath.Join(folder, "somewhere.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range completions {
		out := inShell(t, folder, "fish", "--no-config", "-c", "source ./issuer.fish; complete -C "+quoted(strings.TrimSuffix(line, "|")))
		found := map[string]bool{}
		for one := range strings.Lines(out) {
			text, _, _ := strings.Cut(strings.TrimSpace(one), "\t")
			found[text] = true
		}
		words := strings.Fields(want)
		for _, word := range words {
			if !found[word] {
				t.Errorf("%s: %q lacks %s", line, out, word)
			}
		}
		if len(found) != len(words) {
			t.Errorf("%s: %q, want %q", line, out, want)
		}
	}
}
