package redisconn_test

import (
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
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// certificate returns one that vouches for an address, also as its own CA.
func certificate(t *testing.T, address string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// behindTLS returns the URL of a Redis behind TLS and the file of its CA.
func behindTLS(t *testing.T, address string) (redisURL, caFile string) {
	t.Helper()
	socket := strings.TrimPrefix(redistest.Start(t).URL(), "unix://")
	cert, ca := certificate(t, address)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	server := play(t, tls.NewListener(listen(t), &tls.Config{Certificates: []tls.Certificate{cert}}), func(client net.Conn) {
		redis, err := net.Dial("unix", socket)
		if err != nil {
			return
		}
		defer redis.Close()
		go func() { _, _ = io.Copy(client, redis) }()
		_, _ = io.Copy(redis, client)
	})
	return "rediss://" + server.address(), caFile
}

const nobodyTrusts = "the certificate of Redis is not trusted"

func TestACertificateNobodyVouchesForIsRefused(t *testing.T) {
	t.Parallel()
	redisURL, _ := behindTLS(t, "127.0.0.1")
	for _, parameters := range []string{"", "?cluster=true", "?master_name=issuer"} {
		c := openPatiently(t, redisURL+parameters, never)
		for c.Health() == nil {
			if err := c.ask(t); err == nil {
				t.Fatal("a command succeeded")
			}
		}
		if err := c.Health(); err.Error() != nobodyTrusts {
			t.Errorf("Health = %v", err)
		}
	}
}

// whatTheCopyAsks is the address for a copy of this process: which CAs there are is read once in a process.
const whatTheCopyAsks = "REDISCONN_ASKS"

func TestInTheCopy(t *testing.T) {
	t.Parallel()
	redisURL := os.Getenv(whatTheCopyAsks)
	if redisURL == "" {
		return // it is a tool of the next test
	}
	c := openPatiently(t, redisURL, never)
	for c.Health() == nil {
		if err := c.ask(t); err == nil {
			return
		}
	}
	t.Fatal(c.Health())
}

func TestCertificatesCannotBeLeftUnverified(t *testing.T) {
	t.Parallel()
	if _, err := redisconn.Open("rediss://redis?skip_verify=true", ignore); err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("Open = %v, want what to do instead", err)
	}
}

func TestTheSystemsCAsVouchForTheHostOfTheURL(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		return // SSL_CERT_FILE is not read there
	}
	for address, want := range map[string]string{"127.0.0.1": "PASS", "127.0.0.2": nobodyTrusts} {
		t.Run("a certificate of "+address, func(t *testing.T) {
			t.Parallel()
			redisURL, caFile := behindTLS(t, address)
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestInTheCopy$", "-test.count=1")
			cmd.Env = append(os.Environ(), whatTheCopyAsks+"="+redisURL, "SSL_CERT_FILE="+caFile, "SSL_CERT_DIR="+filepath.Dir(caFile))
			out, _ := cmd.CombinedOutput()
			if !strings.Contains(string(out), want) {
				t.Errorf("the copy said %s, want %s", out, want)
			}
			if strings.Contains(string(out), "redis: ") {
				t.Errorf("go-redis wrote a log by itself: %s", out)
			}
		})
	}
}
