package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

const token = "/oauth2/token"

func TestFormsThatAreNotRead(t *testing.T) {
	t.Parallel()
	good := form().Encode()
	fieldsOf := func(n int) string {
		var b strings.Builder
		b.WriteString(good)
		for i := range n - 3 {
			fmt.Fprintf(&b, "&f%d=", i)
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		body    string
		path    string
		headers []string // besides or instead of the content type
		want    string
	}{
		"a good form":                          {body: good, want: "200"},
		"a charset":                            {body: good, headers: []string{"Content-Type", formType + "; charset=UTF-8"}, want: "200"},
		"a content type in capitals":           {body: good, headers: []string{"Content-Type", "Application/X-WWW-Form-Urlencoded"}, want: "200"},
		"no content type":                      {body: good, headers: []string{"Accept", "*/*"}, want: "415 content_type_unsupported"},
		"JSON":                                 {body: `{}`, headers: []string{"Content-Type", "application/json"}, want: "415 content_type_unsupported"},
		"multipart":                            {body: good, headers: []string{"Content-Type", "multipart/form-data; boundary=x"}, want: "415 content_type_unsupported"},
		"two content types":                    {body: good, headers: []string{"Content-Type", formType, "Content-Type", formType}, want: "415 content_type_unsupported"},
		"two content types in one":             {body: good, headers: []string{"Content-Type", formType + ", text/plain"}, want: "415 content_type_unsupported"},
		"another charset":                      {body: good, headers: []string{"Content-Type", formType + "; charset=utf-16"}, want: "415 content_type_unsupported"},
		"another parameter of the type":        {body: good, headers: []string{"Content-Type", formType + "; boundary=utf-8"}, want: "415 content_type_unsupported"},
		"a compressed body":                    {body: good, headers: []string{"Content-Type", formType, "Content-Encoding", "gzip"}, want: "400 body_malformed"},
		"a body that says it is not":           {body: good, headers: []string{"Content-Type", formType, "Content-Encoding", "identity"}, want: "400 body_malformed"},
		"the token in the query":               {body: good, path: token + "?subject_token=x", want: "400 body_malformed"},
		"the token in the query, hidden":       {body: good, path: token + "?%53ubject%5Ftoken=x", want: "400 body_malformed"},
		"a scope in the query by semicolon":    {body: good, path: token + "?a=b;scope=x", want: "400 body_malformed"},
		"an OAuth name alone in the query":     {body: good, path: token + "?client_secret", want: "400 body_malformed"},
		"anything else in the query":           {body: good, path: token + "?api-version=1&%ZZ=1&subject_tokens=2", want: "200"},
		"a percent sign alone":                 {body: good + "&a=100%", want: "400 body_malformed"},
		"a bad escape in a name":               {body: good + "&%zz=1", want: "400 body_malformed"},
		"a semicolon":                          {body: good + ";scope=reader", want: "400 body_malformed"},
		"a semicolon, escaped":                 {body: good + "&a=%3B", want: "200"},
		"bytes that are no UTF-8":              {body: good + "&a=%ff", want: "400 body_malformed"},
		"raw bytes that are no UTF-8":          {body: good + "&a=\xff", want: "400 body_malformed"},
		"UTF-8":                                {body: good + "&a=%C3%BC&b=ü", want: "200"},
		"a control character":                  {body: good + "&a=%00", want: "400 body_malformed"},
		"a line end":                           {body: good + "\r\n", want: "400 body_malformed"},
		"a control character of the upper row": {body: good + "&a=%C2%85", want: "400 body_malformed"},
		"a control character in a name":        {body: good + "&a%0a=1", want: "400 body_malformed"},
		"a line end behind the token":          {body: form("subject_token", "a.b.c\n").Encode(), want: "400 token_malformed"},
		"a tab before the token":               {body: form("subject_token", "\ta.b.c").Encode(), want: "400 token_malformed"},
		"a line end in the token":              {body: form("subject_token", "a.b\n.c\n").Encode(), want: "400 body_malformed"},
		"64 fields":                            {body: fieldsOf(64), want: "200"},
		"65 fields":                            {body: fieldsOf(65), want: "400 body_malformed"},
		"empty fields between":                 {body: "&" + strings.ReplaceAll(good, "&", "&&") + "&", want: "200"},
		"a token twice":                        {body: good + "&subject_token=other", want: "400 parameter_repeated"},
		"a token twice, once hidden":           {body: good + "&subject%5Ftoken=other", want: "400 parameter_repeated"},
		"a scope twice, once empty":            {body: good + "&scope=&scope=reader", want: "400 parameter_repeated"},
		"an unknown parameter twice":           {body: good + "&foo=1&foo=1", want: "400 parameter_repeated"},
		"two audiences":                        {body: good + "&audience=hasura&audience=b", want: "400 parameter_repeated"},
		"nothing":                              {body: "", want: "400 parameter_missing"},
		"no grant type":                        {body: form("grant_type", "").Encode(), want: "400 parameter_missing"},
		"another grant type":                   {body: form("grant_type", "client_credentials").Encode(), want: "400 grant_type_unsupported"},
		"a grant type in other letters":        {body: form("grant_type", strings.ToUpper(grantType)).Encode(), want: "400 grant_type_unsupported"},
		"no token":                             {body: form("subject_token", "").Encode(), want: "400 parameter_missing"},
		"no token type":                        {body: form("subject_token_type", "").Encode(), want: "400 parameter_missing"},
		"an ID token":                          {body: form("subject_token_type", "urn:ietf:params:oauth:token-type:id_token").Encode(), want: "400 parameter_unsupported"},
		"SAML wanted":                          {body: form("requested_token_type", "urn:ietf:params:oauth:token-type:saml2").Encode(), want: "400 parameter_unsupported"},
		"a resource":                           {body: form("resource", "https://api.example.com").Encode(), want: "400 parameter_unsupported"},
		"an actor":                             {body: form("actor_token", "x").Encode(), want: "400 parameter_unsupported"},
		"an actor's type":                      {body: form("actor_token_type", accessToken).Encode(), want: "400 parameter_unsupported"},
		"64 KiB":                               {body: good + "&a=" + strings.Repeat("a", 64<<10-len(good)-3), want: "200"},
		"a byte more":                          {body: good + "&a=" + strings.Repeat("a", 64<<10-len(good)-2), want: "413 body_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if c.path == "" {
				c.path = token
			}
			if c.headers == nil {
				c.headers = []string{"Content-Type", formType}
			}
			got := s.do(http.MethodPost, c.path, c.body, c.headers...)
			wantAnswer(t, s, got, c.want)
			if got.StatusCode == http.StatusRequestEntityTooLarge && !got.Close {
				t.Error("the connection stays open with half a body in it")
			}
		})
	}
}

// wantAnswer compares status and reason, and makes sure that only a good request reaches the exchange.
func wantAnswer(t *testing.T, s *service, got answer, want string) {
	t.Helper()
	seen := fmt.Sprint(got.StatusCode)
	if got.StatusCode != http.StatusOK {
		seen += " " + got.problem(t).Reason
	}
	if seen != want {
		t.Errorf("got %s, want %s", seen, want)
	}
	if reached := len(s.issuer.asked) == 1; reached != (want == "200") {
		t.Errorf("the exchange was reached: %v", reached)
	}
}

func TestAChunkedBodyIsBoundedToo(t *testing.T) {
	t.Parallel()
	s := start(t)
	body := io.MultiReader(strings.NewReader(form().Encode()+"&a="), strings.NewReader(strings.Repeat("a", 64<<10)))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+token, body)
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, s, s.send(r, "Content-Type", formType), "413 body_too_large")
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"", "a=b", "a=b&c", "=", "a=b&a=c", "a=%2B+&%61=1", "a;b=c", "a=%zz", "&&a==b", "a=%ff", "ü=%C3%BC", form().Encode(),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := api.ParseForm(body)
		want, wantErr := url.ParseQuery(body)
		if err != nil {
			return
		}
		if wantErr != nil {
			t.Fatalf("read what net/url refuses: %v", wantErr)
		}
		if len(got) != len(want) || len(got) > 64 {
			t.Fatalf("%d names, net/url finds %d", len(got), len(want))
		}
		for name, value := range got {
			if others := want[name]; len(others) != 1 || others[0] != value {
				t.Fatalf("%q is %q, net/url reads %q", name, value, others)
			}
			if strings.ContainsAny(name+value, "\x00\r\n\t\x1b\x7f") || strings.ToValidUTF8(name+value, "") != name+value {
				t.Fatalf("%q = %q holds what is no plain text", name, value)
			}
		}
	})
}
