package redistest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// StartCluster runs a cluster of one server, on a port of the loopback. It takes
// two seconds: that long a server waits before it believes that it is a cluster.
func StartCluster(t testing.TB) (url string) {
	t.Helper()
	s, port := prepare(t), freePort(t)
	s.args = []string{
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--cluster-enabled", "yes",
	}
	address := s.startAt(port)
	s.poll(func(ctx context.Context) bool {
		reply, err := ask(ctx, "tcp", address, "CLUSTER ADDSLOTSRANGE 0 16383")
		return err == nil && reply == "+OK"
	})
	s.poll(func(ctx context.Context) bool {
		reply, err := ask(ctx, "tcp", address, "GET nothing") // else -CLUSTERDOWN
		return err == nil && reply == "$-1"
	})
	return "redis://" + address + "?cluster=true"
}

// StartSentinel runs a server and one sentinel that watches it, on ports of the
// loopback. With a password, both want it.
func StartSentinel(t testing.TB, password string) (url string) {
	t.Helper()
	master, port := prepare(t), freePort(t)
	master.args = []string{
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--requirepass", password,
	}
	master.startAt(port)

	sentinel, sentinelPort := prepare(t), freePort(t)
	config := filepath.Join(sentinel.dir, "sentinel.conf") // which it also writes
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\nrequirepass %s\nsentinel monitor issuer 127.0.0.1 %s 1\nsentinel auth-pass issuer %s\n",
		sentinelPort, password, port, password)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel.args = []string{config, "--sentinel"}
	address := sentinel.startAt(sentinelPort)
	return fmt.Sprintf("redis://:%s@%s?master_name=issuer&password=%s", password, address, password)
}

// startAt runs a server that listens on TCP and returns its address.
func (s *Server) startAt(port string) string {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", port)
	s.waitReady("tcp", address)
	return address
}

// freePort returns a port on which nobody listens, nor on the one 10,000 above,
// which a cluster also takes. It is not among those that the systems give out by
// themselves, or somebody would soon have it.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := 10_000 + rand.N(12_000)
		if isFree(t, port) && isFree(t, port+10_000) {
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no port is free")
	panic("unreachable")
}

func isFree(t testing.TB, port int) bool {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return listener.Close() == nil
}
