package api_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

func TestOnlyWhatEverybodyReadsAlikeIsPlain(t *testing.T) {
	t.Parallel()
	const body = "grant_type=x"
	long := strings.Repeat("a", 64<<10)
	for name, c := range map[string]struct {
		sent string
		want bool
	}{
		"a request":                        {sentOf(body, length(body)), true},
		"with the body still to come":      {sentOf("", length(body)), true},
		"with half of its body":            {sentOf(body[:5], length(body)), true},
		"of the longest body":              {sentOf("", length(long)), true},
		"of no body":                       {sentOf("", "Content-Length: 0"), true},
		"names in small letters":           {sentOf(body, "content-length:"+strconv.Itoa(len(body))), true},
		"a proxy's":                        {sentOf(body, length(body), "X-Forwarded-For: 192.0.2.1", "Forwarded: for=\"[2001:db8::1]\""), true},
		"that keeps the connection":        {sentOf(body, length(body), "Connection: Keep-Alive"), true},
		"that ends the connection":         {sentOf(body, length(body), "Connection: close"), false},
		"that keeps and ends it":           {sentOf(body, length(body), "Connection: keep-alive, close"), false},
		"with the next one behind it":      {sentOf(body+"P", length(body)), false},
		"half a head":                      {strings.TrimSuffix(sentOf("", length(body)), "\n"), false},
		"of a body too long":               {sentOf("", length(long+"a")), false},
		"of a length too long to be read":  {sentOf("", "Content-Length: 18446744073709551617"), false},
		"of a length that is negative":     {sentOf("", "Content-Length: -1"), false},
		"of a length with a sign":          {sentOf(body, "Content-Length: +12"), false},
		"of a length in hexadecimal":       {sentOf(body, "Content-Length: 0xc"), false},
		"of a length that is empty":        {sentOf("", "Content-Length: "), false},
		"of two lengths":                   {sentOf(body, length(body), length(body)), false},
		"of two lengths in one":            {sentOf(body, "Content-Length: 12, 12"), false},
		"of no length":                     {sentOf(""), false},
		"in chunks":                        {sentOf("0\r\n\r\n", "Transfer-Encoding: chunked"), false},
		"in chunks and of a length":        {sentOf(body, length(body), "transfer-encoding: chunked"), false},
		"with fields behind the body":      {sentOf(body, length(body), "Trailer: a"), false},
		"that waits for a word":            {sentOf("", length(body), "Expect: 100-continue"), false},
		"that would change the protocol":   {sentOf(body, length(body), "Upgrade: h2c"), false},
		"of a page":                        {sentOf(body, length(body), "Origin: https://app.example"), false},
		"a line that goes on":              {sentOf(body, length(body), "A: b", " c"), false},
		"a line without a colon":           {sentOf(body, length(body), "A"), false},
		"a line without a name":            {sentOf(body, length(body), ": a"), false},
		"a space behind a name":            {sentOf(body, "Content-Length : 12"), false},
		"a name of other letters":          {sentOf(body, length(body), "A_b: c"), false},
		"an end of a line within a line":   {sentOf(body, length(body), "A: b\nTransfer-Encoding: chunked"), false},
		"a return within a line":           {sentOf(body, length(body), "A: b\rc"), false},
		"a zero byte":                      {sentOf(body, length(body), "A: \x00"), false},
		"lines that end in one byte alone": {strings.ReplaceAll(sentOf(body, length(body)), "\r\n", "\n"), false},
		"another method":                   {strings.Replace(sentOf(body, length(body)), "POST", "PUT", 1), false},
		"another path":                     {strings.Replace(sentOf(body, length(body)), "/token", "/tokens", 1), false},
		"a query":                          {strings.Replace(sentOf(body, length(body)), "/token", "/token?a=b", 1), false},
		"another version":                  {strings.Replace(sentOf(body, length(body)), "1.1", "1.0", 1), false},
		"for nobody":                       {strings.Replace(sentOf(body, length(body)), "Host: auth.example.com\r\n", "", 1), false},
		"for two":                          {sentOf(body, length(body), "Host: auth.example.com"), false},
		"for a name of odd characters":     {strings.Replace(sentOf(body, length(body)), "auth.example.com", `a b/"`, 1), false},
		"for an empty name":                {strings.Replace(sentOf(body, length(body)), "auth.example.com", "", 1), false},
		"for an address":                   {strings.Replace(sentOf(body, length(body)), "auth.example.com", "[2001:db8::1]:8080", 1), true},
		"of very many lines":               {sentOf(body, append(slices.Repeat([]string{"A: b"}, 98), length(body))...), false},
		"of many lines":                    {sentOf(body, append(slices.Repeat([]string{"A: b"}, 97), length(body))...), true},
		"an empty line in front":           {"\r\n" + sentOf(body, length(body)), false},
		"nothing":                          {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, got := api.PlainExchange([]byte(c.sent)); got != c.want {
				t.Errorf("it is %v, want %v", got, c.want)
			}
		})
	}
}

// FuzzPlainExchange: what is taken for plain is what net/http reads, to the byte.
func FuzzPlainExchange(f *testing.F) {
	for _, seed := range []string{
		sentOf("a=b", length("a=b")), sentOf("", length("a=b"), "Connection: keep-alive"), sentOf("a", "content-length:\t01 ", "X-Y:"),
		sentOf("a", length("a"), "Transfer-Encoding: identity"), sentOf("", length(""), "A: \xff"), sentOf("a", length("a"), "A: b\r\n c"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		length, plain := api.PlainExchange(sent)
		if !plain {
			return
		}
		const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
		whole := append(bytes.Clone(sent), strings.Repeat("x", length-len(sent))+next...)
		in := bufio.NewReaderSize(bytes.NewReader(whole), len(whole))
		r, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("net/http cannot read %q: %v", sent, err)
		}
		defer r.Body.Close()
		if r.Method != http.MethodPost || r.RequestURI != "/oauth2/token" || r.Close || len(r.TransferEncoding)+len(r.Trailer) > 0 || r.Header["Origin"] != nil || r.Header["Expect"] != nil {
			t.Fatalf("%q is taken for plain", sent)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Fatal(err)
		}
		if left, err := io.ReadAll(in); err != nil || string(left) != next {
			t.Fatalf("behind %q net/http finds %q, %v", sent, left, err)
		}
	})
}
