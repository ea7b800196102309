// Command plot draws what BenchmarkGrowth measured. In a folder with growth.txt and growth.md it writes an SVG for each curve, and
// the figures into the page, as a table behind each line that links to such a picture. It draws with no library: those there are
// write colours into the picture that are for one background alone.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: plot FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

func run(folder string) error {
	files, err := plot(folder)
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil { //nolint:gosec // G306: part of the documents
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}

// plot returns the files of a folder as they should be, by name.
func plot(folder string) (map[string]string, error) {
	figures, err := os.ReadFile(filepath.Join(folder, "growth.txt")) //nolint:gosec // G304: whoever draws may read what they name
	if err != nil {
		return nil, fmt.Errorf("read the figures: %w", err)
	}
	curves, err := parse(string(figures))
	if err != nil {
		return nil, err
	}
	page, err := os.ReadFile(filepath.Join(folder, "growth.md")) //nolint:gosec // G304: as above
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	files := map[string]string{"growth.md": withTables(string(page), curves)}
	for _, c := range curves {
		files[c.file()] = c.svg()
	}
	return files, nil
}
