package faketenant

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lever is one thing that can be done to a running tenant at POST /chaos/name. Its parameters come in a form or in the
// query.
type lever struct {
	name, help string
	takes      []string // the names of its parameters
	pull       func(url.Values) error
}

// levers are all that chaos can do, in the order in which it lists them.
func (t *Tenant) levers() []lever {
	return []lever{
		{"rotate", "makes a new signing key; the old ones stay published", nil, func(url.Values) error { t.Rotate(); return nil }},
		{"withdraw", "takes a key out of all key sets; key=first, second or consumer", []string{"key"}, t.pullWithdraw},
		{"emergency", "replaces all signing keys at once; no token from before verifies any more", nil, func(url.Values) error { t.EmergencyRollover(); return nil }},
		{"weather", "makes weather; part=" + partNames("|") + "; then any of times=3, delay=2s, hang=true, status=503, retry-after=5s, " +
			"aadsts=50076, location=URL, body=truncated|garbage|huge|html", weatherTakes, t.pullWeather},
		{"fair", "ends all weather, and sets the Date header right; keys, lifetimes, groups, people and permissions stay as they were made", nil, t.pullFair},
		{"clock", "moves the Date header; offset=-10m", []string{"offset"}, func(v url.Values) error { return withDuration(v, "offset", t.SetDateOffset) }},
		{"lifetime", "makes all tokens hold that long; for=90s, and for=0s for Entra's own", []string{"for"}, func(v url.Values) error { return withDuration(v, "for", t.SetTokenLifetime) }},
		{"groups", "sets somebody's groups; object=persona or object id, group=id (any number of times)", []string{"object", "group"}, t.pullGroups},
		{"remove", "takes somebody out of the directory; object=persona or object id", []string{"object"}, t.pullRemove},
		{"permissions", "sets the application permissions on Graph; app=client id, permission=name (any number of times)", []string{"app", "permission"}, t.pullPermissions},
	}
}

// weatherTakes are the parameters of weather.
var weatherTakes = []string{"part", "times", "delay", "hang", "status", "retry-after", "aadsts", "location", "body"}

// knows refuses a parameter that the lever does not take: it would do something else than was meant.
func (l lever) knows(form url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		switch {
		case len(l.takes) == 0:
			return fmt.Errorf("%.40q is no parameter; it wants none", name)
		case !slices.Contains(l.takes, name):
			return fmt.Errorf("%.40q is no parameter; it wants %s", name, strings.Join(l.takes, ", "))
		}
	}
	return nil
}

// chaosRoutes are there only if Options.Chaos is set. GET /chaos lists what there is. Pages of other origins are refused.
func (t *Tenant) chaosRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /chaos", func(w http.ResponseWriter, _ *http.Request) { t.chaosHelp(w) })
	mux.HandleFunc("GET /chaos/hits", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, "no-store", t.allHits()) })
	mux.HandleFunc("POST /chaos/{lever}", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusNotFound, "There is nothing of that name to pull: GET /chaos lists what there is.\n")
	})
	for _, l := range t.levers() {
		mux.Handle("POST /chaos/"+l.name, http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			err := r.ParseForm()
			if err == nil {
				err = l.knows(r.Form)
			}
			if err == nil {
				err = l.pull(r.Form)
			}
			if err != nil {
				plain(w, http.StatusBadRequest, l.name+": "+err.Error()+"\n")
				return
			}
			plain(w, http.StatusOK, l.name+": done\n")
		})))
	}
}

func (t *Tenant) chaosHelp(w http.ResponseWriter) {
	var b strings.Builder
	for _, l := range t.levers() {
		fmt.Fprintf(&b, "POST /chaos/%-11s  %s\n", l.name, l.help)
	}
	fmt.Fprintf(&b, "GET  /chaos/%-11s  counts the requests by path\n", "hits")
	b.WriteString("Parameters go behind a ? or in a form: curl -X POST …/chaos/clock -d offset=-10m\n")
	plain(w, http.StatusOK, b.String())
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) //nolint:gosec // G705: plain text
}

func (t *Tenant) pullWithdraw(v url.Values) error {
	key, known := map[string]Key{"first": KeyFirst, "second": KeySecond, "consumer": KeyConsumer}[v.Get("key")]
	if !known {
		return fmt.Errorf("key is %q; it wants first, second or consumer", v.Get("key"))
	}
	t.Withdraw(key)
	return nil
}

func (t *Tenant) pullWeather(v url.Values) error {
	part := Part(v.Get("part"))
	if !slices.Contains(Parts(), part) {
		return fmt.Errorf("part is %q; it wants one of %s", part, partNames(", "))
	}
	if !slices.Contains([]string{"", "true", "false"}, v.Get("hang")) {
		return fmt.Errorf("hang is %q; it wants true or false", v.Get("hang"))
	}
	w := Weather{Location: v.Get("location"), Body: Body(v.Get("body")), Hang: v.Get("hang") == "true"}
	if !slices.Contains([]Body{"", BodyTruncated, BodyGarbage, BodyHuge, BodyHTML}, w.Body) {
		return fmt.Errorf("body is %q; it wants truncated, garbage, huge or html", w.Body)
	}
	for name, into := range map[string]*int{"times": &w.Times, "status": &w.Status, "aadsts": &w.AADSTS} {
		if err := readNumber(v, name, into); err != nil {
			return err
		}
	}
	for name, into := range map[string]*time.Duration{"delay": &w.Delay, "retry-after": &w.RetryAfter} {
		if v.Get(name) == "" {
			continue
		}
		if err := withDuration(v, name, func(d time.Duration) { *into = d }); err != nil {
			return err
		}
	}
	if w.Status != 0 && (w.Status < 400 || w.Status > 599) {
		return fmt.Errorf("status is %d; it wants 400 to 599", w.Status)
	}
	t.SetWeather(part, w)
	return nil
}

func (t *Tenant) pullFair(url.Values) error {
	for _, part := range Parts() {
		t.SetWeather(part, Weather{})
	}
	t.SetDateOffset(0)
	return nil
}

func (t *Tenant) pullGroups(v url.Values) error {
	id, err := t.objectNamed(v.Get("object"))
	if err != nil {
		return err
	}
	for _, group := range v["group"] {
		if !isGUID(group) {
			return fmt.Errorf("group is %q; it wants an object id", group)
		}
	}
	t.SetGroups(id, v["group"]...)
	return nil
}

func (t *Tenant) pullRemove(v url.Values) error {
	id, err := t.objectNamed(v.Get("object"))
	if err == nil {
		t.Remove(id)
	}
	return err
}

func (t *Tenant) pullPermissions(v url.Values) error {
	if _, known := t.App(v.Get("app")); !known {
		return fmt.Errorf("app is %q; it wants the client id of an app", v.Get("app"))
	}
	t.GrantGraph(v.Get("app"), v["permission"]...)
	return nil
}

func (t *Tenant) objectNamed(name string) (string, error) {
	if id, known := t.identity(name); known {
		return id.ObjectID, nil
	}
	if !isGUID(name) {
		return "", fmt.Errorf("object is %q; it wants a persona or an object id", name)
	}
	return name, nil
}

func partNames(separator string) string {
	var names []string
	for _, part := range Parts() {
		names = append(names, string(part))
	}
	return strings.Join(names, separator)
}

func readNumber(v url.Values, name string, into *int) error {
	if v.Get(name) == "" {
		return nil
	}
	n, err := strconv.Atoi(v.Get(name))
	if err != nil || n < 0 {
		return fmt.Errorf("%s is %q; it wants a number", name, v.Get(name))
	}
	*into = n
	return nil
}

func withDuration(v url.Values, name string, use func(time.Duration)) error {
	d, err := time.ParseDuration(v.Get(name))
	if err != nil {
		return fmt.Errorf("%s is %q; it wants a duration such as 90s", name, v.Get(name))
	}
	use(d)
	return nil
}
