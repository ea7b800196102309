package database_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func TestAFallbackToPlaintextIsRefusedForAServerElsewhere(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://db/issuer?sslmode=prefer",
		"postgres://db/issuer?sslmode=allow",
		"postgres://db/issuer?sslmode=%20prefer%20",
		"postgres://localhost,db/issuer?sslmode=prefer",
		"postgres://db,127.0.0.1/issuer?sslmode=prefer",
		"postgres:///issuer?host=10.0.0.1&sslmode=allow",
		"postgres://localhost.example.com/issuer?sslmode=prefer",
		"postgres://db/issuer?sslmode=disable&sslmode=prefer",
	} {
		_, openErr := database.Open(t.Context(), address)
		_, migrateErr := database.Migrate(t.Context(), address)
		for _, err := range []error{openErr, migrateErr} {
			if err == nil || !strings.Contains(err.Error(), "sslmode") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, want one sentence about sslmode", address, err)
			}
		}
	}
}

// ways tells how each attempt of a pool to connect is secured.
func ways(config *pgx.ConnConfig) string {
	attempts := append([]*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	var list []string
	for _, attempt := range attempts {
		switch c := attempt.TLSConfig; {
		case c == nil:
			list = append(list, "plain")
		case !c.InsecureSkipVerify && c.ServerName == attempt.Host:
			list = append(list, "verified")
		default:
			list = append(list, "unverified")
		}
	}
	return strings.Join(list, " ")
}

var transports = map[string]string{
	"postgres://db/issuer":                                "verified",
	"postgres://db":                                       "verified",
	"postgres://db/issuer?":                               "verified",
	"postgres://db/issuer?connect_timeout=3":              "verified",
	"postgres://db/issuer?connect_timeout=3&":             "verified",
	"postgres://db/issuer?sslmode=":                       "verified",
	"postgres://db/issuer?ssl=true&sslmode=":              "verified",
	"postgres://db/issuer?ssl=true&ssl=false":             "verified",
	"postgres://10.0.0.1/issuer":                          "verified",
	"postgres://one,two/issuer":                           "verified verified",
	"postgres://localhost,two/issuer":                     "verified verified",
	"postgres://two,localhost/issuer":                     "verified verified",
	"postgres:///issuer?host=db":                          "verified",
	"postgres://localhost/issuer?host=db":                 "verified",
	"postgres://db/issuer?sslmode=verify-full":            "verified",
	"postgres://db/issuer?sslmode=disable":                "plain",
	"postgres://db/issuer?sslmode=require":                "unverified",
	"postgres://db/issuer?ssl=true":                       "unverified",
	"postgres:///issuer?host=/run/postgresql":             "plain",
	"postgres:///issuer?host=/run/pg&sslmode=verify-full": "plain",
	"postgres://127.0.0.1/issuer?sslmode=disable":         "plain",
	"postgres://localhost/issuer?sslmode=verify-full":     "verified",
}

func TestTheWayToTheServer(t *testing.T) {
	t.Parallel()
	for address, want := range transports {
		if got := ways(open(t, address).Config().ConnConfig); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	for _, host := range []string{"localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "[::1]"} {
		if got := ways(open(t, "postgres://"+host+"/issuer").Config().ConnConfig); got != "unverified plain" {
			t.Errorf("%s: %s, want pgx's own default", host, got)
		}
	}
}

func TestTheEnvironmentDoesNotWeakenTheWay(t *testing.T) {
	for _, mode := range []string{"disable", "prefer", "require"} {
		t.Setenv("PGSSLMODE", mode)
		t.Run(mode, func(t *testing.T) {
			for address, want := range transports {
				if got := ways(open(t, address).Config().ConnConfig); got != want {
					t.Errorf("%s: %s, want %s", address, got, want)
				}
			}
		})
	}
	t.Setenv("PGSSLMODE", "disable")
	t.Setenv("PGHOST", "db")
	if got := ways(open(t, "postgres:///issuer").Config().ConnConfig); got != "verified" {
		t.Errorf("with PGHOST: %s, want verified", got)
	}
	service := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(service, []byte("[x]\nhost=db\nsslmode=disable\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSERVICEFILE", service)
	t.Setenv("PGSERVICE", "x")
	if got := ways(open(t, "postgres:///issuer").Config().ConnConfig); got != "verified" {
		t.Errorf("with PGSERVICE: %s, want verified", got)
	}
}

const serverName = "db.example.test"

// authority is a CA of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, file}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue returns a certificate for the server of that name.
func (a authority) issue(t *testing.T, name string) *tls.Config {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// front is a TCP address of the Postgres behind a URL that speaks TLS with that
// certificate, or none if there is none. Postgres itself offers no TLS on a socket.
func front(t *testing.T, databaseURL string, certificate *tls.Config) (port string) {
	t.Helper()
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal("the URL of the test database cannot be read")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn, config, certificate)
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func serve(conn net.Conn, config *pgx.ConnConfig, certificate *tls.Config) {
	defer func() { _ = conn.Close() }()
	first := make([]byte, 8)
	if _, err := io.ReadFull(conn, first); err != nil {
		return
	}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	server, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	switch {
	case string(first[4:]) != "\x04\xd2\x16\x2f": // SSLRequest
		_, _ = server.Write(first)
	case certificate == nil:
		_, _ = conn.Write([]byte("N"))
	default:
		_, _ = conn.Write([]byte("S"))
		conn = tls.Server(conn, certificate)
	}
	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	}()
	_, _ = io.Copy(conn, server)
}

func TestWhoIsTakenForTheServer(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	postgres := pgtest.New(t)
	right, wrongName, wrongCA := ca.issue(t, serverName), ca.issue(t, "other.example.test"), stranger.issue(t, serverName)
	for name, c := range map[string]struct {
		sslmode string
		server  *tls.Config
		refused bool
	}{
		"by default, who proves it":                       {"", right, false},
		"by default, not one of another name":             {"", wrongName, true},
		"by default, not one of another CA":               {"", wrongCA, true},
		"by default, not one who has no TLS":              {"", nil, true},
		"with verify-full, who proves it":                 {"verify-full", right, false},
		"with verify-full, not one of another name":       {"verify-full", wrongName, true},
		"with verify-full, not one of another CA":         {"verify-full", wrongCA, true},
		"with require and a CA, the name does not matter": {"require", wrongName, false},
		"with require and a CA, the CA does":              {"require", wrongCA, true},
		"with disable, who has no TLS":                    {"disable", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := openElsewhere(t, postgres, front(t, postgres, c.server), c.sslmode, ca.file).Ping(t.Context())
			if (err != nil) != c.refused {
				t.Errorf("connecting = %v, want refused = %t", err, c.refused)
			}
		})
	}
}

// openElsewhere opens the database through a front that goes by the name of a server elsewhere.
func openElsewhere(t *testing.T, postgres, port, sslmode, root string) *pgxpool.Pool {
	t.Helper()
	u := mustParse(postgres)
	query := u.Query()
	query.Del("sslmode")
	query.Set("host", serverName)
	query.Set("port", port)
	query.Set("sslrootcert", root)
	if sslmode != "" {
		query.Set("sslmode", sslmode)
	}
	u.RawQuery = query.Encode()
	config := open(t, u.String()).Config()
	config.ConnConfig.LookupFunc = func(_ context.Context, _ string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
