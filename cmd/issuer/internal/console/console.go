// Package console answers one question: what do operators see in a browser?
//
// It serves one page, which holds nothing of the service: whoever opens it shows it credentials, and the page asks the operators' API
// with them. So the page may be seen by anybody who reaches the listener. The package knows nothing of what the API answers.
package console

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/web"
)

//go:embed page/*.html page/*.js page/*.css page/*.svg
var embedded embed.FS

// Path is where the page lies, and all that it loads below it.
const Path = "/console/"

// Console is the page. It may be used concurrently.
type Console struct{ site *web.Site }

// New reads the page. It does no other I/O; an error is a fault of the program.
func New() (*Console, error) {
	page, err := fs.Sub(embedded, "page")
	if err != nil {
		return nil, err
	}
	site, err := web.NewSite(web.Policy{}, page, web.Parts())
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return &Console{site}, nil
}

// Has tells whether a request is for the page, or for something that it loads.
func Has(r *http.Request) bool {
	path := r.URL.EscapedPath()
	return path+"/" == Path || strings.HasPrefix(path, Path)
}

// ServeHTTP answers what Has.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, below := strings.CutPrefix(r.URL.EscapedPath(), Path)
	switch {
	case !below:
		web.Policy{}.Secure(w.Header())
		http.Redirect(w, r, Path, http.StatusPermanentRedirect)
	case name == "":
		c.site.Serve(w, r, "index.html")
	default:
		c.site.Serve(w, r, name)
	}
}
