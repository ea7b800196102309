package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const documents = "../../../../docs/performance"

func TestThePicturesAndTablesAreThoseOfTheFigures(t *testing.T) {
	t.Parallel()
	files, err := plot(documents)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(documents, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what growth.txt says; make plots writes it (-want +got):\n%s", name, diff)
		}
		if strings.HasSuffix(name, ".svg") && !strings.Contains(files["growth.md"], "("+name+")\n\n| ") {
			t.Errorf("growth.md does not show %s with its table", name)
		}
	}
	if len(files) != len(titles)+1 {
		t.Errorf("%d files, want a page and %d pictures", len(files), len(titles))
	}
}

const measured = `goos: linux
BenchmarkGrowth/keys/line=in-Entra's-set/n=16 900 110.0 cpu-µs/op 3000 req/s 50 rss-MB 7.0 postgres-µs/op
BenchmarkGrowth/keys/line=in-Entra's-set/n=16 900 156.0 cpu-µs/op 2000 req/s 52 rss-MB 9.0 postgres-µs/op
BenchmarkGrowth/keys/line=in-Entra's-set/n=1 900 100.0 cpu-µs/op 3000 req/s 50 rss-MB 8.0 postgres-µs/op
BenchmarkGrowth/keys/line=in-Entra's-set/n=1 900 130.0 cpu-µs/op 3100 req/s 50 rss-MB 9.0 postgres-µs/op
BenchmarkGrowth/keys/line=in-Entra's-set/n=1 900 90.0 cpu-µs/op 3200 req/s 50 rss-MB 9.0 postgres-µs/op
`

func TestAPictureIsXMLAndATableHasAllPoints(t *testing.T) {
	t.Parallel()
	curves, err := parse(measured)
	if err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(curves[0].svg()))
	for err == nil {
		_, err = decoder.Token()
	}
	if !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	const want = "before\n\n![keys](growth-keys.svg)\n\n" +
		"| keys | line | CPU-µs per exchange | spread | of the first | req/s | memory, MB | CPU-µs of Postgres |\n|---|---|---|---|---|---|---|---|\n" +
		"| 1 | in Entra's set | 100 | 90–130 | 1.00 | 3100 | 50 | 9 |\n" +
		"| 16 | in Entra's set | 133 | 110–156 | 1.15 | 2500 | 51 | 8 |\n\nbehind\n"
	if diff := cmp.Diff(want, withTables("before\n\n![keys](growth-keys.svg)\n\n| old |\n\nbehind\n", curves)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoFigureIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "BenchmarkOther 1 2 ns/op", "BenchmarkGrowth/keys 1 2 ns/op", "BenchmarkGrowth/a/line=b/n=x 1 2 ns/op", "BenchmarkGrowth/a/line=b/n=1 1 x cpu-µs/op", "BenchmarkGrowth/a/line=b/n=1 1 2 ns/op"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
