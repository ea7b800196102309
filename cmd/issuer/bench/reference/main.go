// Command reference is the floor that the program is held against: plain handlers of the standard library (and pgx, for the
// one that asks Postgres), in a process of their own. They do the work of their kind of request and nothing else: one key,
// one answer, no refusals worth telling apart, no log. They are tuned by nothing, so a program with a quicker reader of JSON
// or a lazier garbage collector can come out below. Nobody may use them for anything else.
package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	key := flag.String("key", "", "a file with Entra's public key, PKCS #1 in PEM")
	bytes := flag.String("bytes", "", "a file to hand out as it is")
	database := flag.String("database", "", "the URL of a Postgres with our tables")
	flag.Parse()
	if err := run(*key, *bytes, *database); err != nil {
		fmt.Fprintln(os.Stderr, "reference:", err)
		os.Exit(1)
	}
}

// run serves until it is killed.
func run(keyFile, bytesFile, database string) error {
	key, err := readKey(keyFile)
	if err != nil {
		return err
	}
	bytes, err := os.ReadFile(bytesFile) //nolint:gosec // G304: whoever starts a benchmark may read what they name
	if err != nil {
		return err
	}
	exchange, err := newExchange(key)
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(context.Background(), database)
	if err != nil {
		return err
	}
	defer pool.Close()
	mux := http.NewServeMux()
	mux.Handle("/exchange", exchange)
	mux.HandleFunc("/bytes", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, bytes) })
	mux.HandleFunc("/json", answerJSON)
	mux.HandleFunc("/query", func(w http.ResponseWriter, r *http.Request) { query(w, r, pool) })
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, `{"message":"listening","address":%q}`+"\n", listener.Addr())
	return (&http.Server{Handler: mux, ReadHeaderTimeout: time.Second}).Serve(listener)
}

func readKey(path string) (*rsa.PublicKey, error) {
	file, err := os.ReadFile(path) //nolint:gosec // G304: as above
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, errors.New("the key is not PEM")
	}
	return x509.ParsePKCS1PublicKey(block.Bytes)
}

func writeJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // the client may be gone
}

// answerJSON is what a webhook says, always the same.
func answerJSON(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(map[string]string{
		"X-Hasura-Role": "editor", "X-Hasura-User-Id": "11111111-2222-4333-8444-555555555555",
		"X-Hasura-Tenant-Id": "11111111-2222-4333-8444-666666666666",
	})
	if err != nil {
		http.Error(w, "json", http.StatusInternalServerError)
		return
	}
	writeJSON(w, body)
}

// query asks for the grants of one principal, by the primary key.
func query(w http.ResponseWriter, r *http.Request, pool *pgxpool.Pool) {
	var role string
	err := pool.QueryRow(r.Context(), `SELECT role FROM issuer.grants WHERE tenant = $1 AND principal_kind = 'user' AND principal = $2`,
		r.Header.Get("X-Tenant"), r.Header.Get("X-Object")).Scan(&role)
	if err != nil {
		http.Error(w, "query", http.StatusInternalServerError)
		return
	}
	answerJSON(w, r)
}
