package weather

import (
	"net"
	"sync"
	"testing"
	"time"
)

// air is what a proxy does with what it is to carry.
type air int

const (
	fair   air = iota
	slow       // everything comes later, by slowness
	gone       // connections are reset, new ones at once
	silent     // connections are taken, and nothing comes through
	halved     // half of the next answer comes through, then a reset
)

// slowness is longer than Redis is waited for, and shorter than anything else is.
const slowness = 300 * time.Millisecond

// proxy carries bytes to a server, or not. All its methods may be called concurrently.
type proxy struct {
	listener        net.Listener
	network, target string
	running         sync.WaitGroup

	mu      sync.Mutex
	air     air
	changed chan struct{} // closed when the air changes
	links   map[*link]bool
	closed  bool
}

// newProxy listens on loopback and ends with the test.
func newProxy(t testing.TB, network, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, network: network, target: target, changed: make(chan struct{}), links: map[*link]bool{}}
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// set changes the air. Connections from which something was withheld are reset.
func (p *proxy) set(a air) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.air = a
	close(p.changed)
	p.changed = make(chan struct{})
	if a == gone {
		for l := range p.links {
			l.reset()
		}
	}
}

func (p *proxy) now() (air, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.air, p.changed
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for l := range p.links {
		l.reset()
	}
	p.mu.Unlock()
	p.running.Wait()
}

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		l := &link{proxy: p, client: conn.(*net.TCPConn), over: make(chan struct{})}
		p.mu.Lock()
		p.links[l] = true
		dead := p.closed || p.air == gone
		p.mu.Unlock()
		if dead {
			l.reset()
		}
		p.running.Go(func() {
			l.serve()
			p.mu.Lock()
			delete(p.links, l)
			p.mu.Unlock()
		})
	}
}

// link is one connection through a proxy.
type link struct {
	proxy  *proxy
	client *net.TCPConn
	once   sync.Once
	over   chan struct{} // closed when the client's connection is
}

// reset ends the client's connection as a machine does that knows nothing of it.
func (l *link) reset() { l.end(func() { _ = l.client.SetLinger(0) }) }

func (l *link) end(before func()) {
	l.once.Do(func() {
		before()
		l.client.Close()
		close(l.over)
	})
}

func (l *link) serve() {
	defer l.end(func() {})
	if a, changed := l.proxy.now(); a == silent {
		l.await(changed)
		l.reset()
		return
	}
	server, err := net.Dial(l.proxy.network, l.proxy.target)
	if err != nil {
		l.reset() // as whoever listens no more does
		return
	}
	var ways sync.WaitGroup
	ways.Go(func() { l.carry(l.client, server, false) })
	ways.Go(func() { l.carry(server, l.client, true) })
	<-l.over
	server.Close()
	ways.Wait()
}

// carry copies until one end is over, which is the other's end too.
func (l *link) carry(from, to net.Conn, answers bool) {
	defer l.end(func() {})
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !l.pass(to, buffer[:n], answers) {
			l.reset()
			return
		}
		if err != nil {
			return
		}
	}
}

// pass writes what came, as the air has it, and tells whether the connection goes on.
func (l *link) pass(to net.Conn, chunk []byte, answer bool) bool {
	a, changed := l.proxy.now()
	switch {
	case a == gone:
		return false
	case a == silent:
		l.await(changed)
		return false
	case a == halved && answer:
		_, _ = to.Write(chunk[:len(chunk)/2])
		return false
	case a == slow:
		pause := time.NewTimer(slowness)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-l.over:
			return false
		}
	}
	_, err := to.Write(chunk)
	return err == nil
}

// await returns when the air changes or the connection is over.
func (l *link) await(changed <-chan struct{}) {
	select {
	case <-changed:
	case <-l.over:
	}
}
