package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheLastLinesAreWrittenBeforeTheProgramEnds, those of the log in either format and those of decisions: a line that goes to a
// file waits for others.
func TestTheLastLinesAreWrittenBeforeTheProgramEnds(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	for _, format := range []string{"json", logConsole} {
		folder := t.TempDir()
		decisions := filepath.Join(folder, "decisions.log")
		s, err := loadService(onFiles(t, server.URL, "ISSUER_LOG_FORMAT="+format, "ISSUER_AUDIT_FILE="+decisions))
		if err != nil {
			t.Fatal(err)
		}
		log, err := os.Create(filepath.Join(folder, "all.log"))
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		svc, err := newService(t.Context(), s, &program{stderr: log})
		if err != nil {
			t.Fatal(err)
		}
		svc.log.Info().Msg("the last line")
		svc.exchanges.Info().Msg("the last line")
		svc.close()
		for _, path := range []string{log.Name(), decisions} {
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), "the last line") {
				t.Errorf("%s, %s: %q, %v", format, filepath.Base(path), text, err)
			}
		}
	}
}
