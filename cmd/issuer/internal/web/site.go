package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// kinds are the types of files that a site may have.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// Site is a set of files in memory. It is an http.Handler for the paths that they have in it, and may be used concurrently.
type Site struct {
	policy Policy
	files  map[string]file
}

type file struct {
	kind, sum string
	plain     []byte
	packed    func() []byte // at the first call, which takes a while
}

// etag names one form of the file: a strong one names bytes (RFC 9110 §8.8.3), and those that are packed are others.
func (f file) etag(packed bool) string {
	if packed {
		return `"` + f.sum + `-gzip"`
	}
	return `"` + f.sum + `"`
}

// NewSite reads all files of the trees, whose paths must differ. An error means that one cannot be read, or that
// no browser would know what it is.
func NewSite(policy Policy, trees ...fs.FS) (*Site, error) {
	s := &Site{policy, map[string]file{}}
	for _, tree := range trees {
		err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			content, err := fs.ReadFile(tree, name)
			if err != nil {
				return err
			}
			return s.add(name, content)
		})
		if err != nil {
			return nil, fmt.Errorf("read the site: %w", err)
		}
	}
	return s, nil
}

func (s *Site) add(name string, content []byte) error {
	kind, known := kinds[path.Ext(name)]
	if _, twice := s.files[name]; twice || !known {
		return fmt.Errorf("%s: it is there twice, or of a type that is not served", name)
	}
	sum := sha256.Sum256(content)
	s.files[name] = file{kind, base64.RawURLEncoding.EncodeToString(sum[:12]), content, sync.OnceValue(func() []byte { return pack(content) })}
	return nil
}

// pack is content by gzip. Into memory nothing of that can fail.
func pack(content []byte) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, _ = w.Write(content)
	_ = w.Close()
	return packed.Bytes()
}

// ServeHTTP answers with the file that the path names, or 404. A browser asks each time whether its copy is still the one.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Serve(w, r, strings.TrimPrefix(r.URL.Path, "/"))
}

// Serve answers with the file of that name, whatever the path.
func (s *Site) Serve(w http.ResponseWriter, r *http.Request, name string) {
	h := w.Header()
	s.policy.Secure(h)
	f, found := s.files[name]
	switch {
	case !found:
		http.Error(w, "There is nothing at this path.", http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "The method is not allowed here.", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	packed := takesGzip(r)
	etag := f.etag(packed)
	h.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if packed {
		body = f.packed()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

// takesGzip reports whether the client names gzip among what it unpacks, and does not weigh it with nothing (RFC 9110 §12.4.2).
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, weighed := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" && (!weighed || strings.Trim(weight, " q=0.") != "") {
			return true
		}
	}
	return false
}
