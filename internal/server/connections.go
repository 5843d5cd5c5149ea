package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Connections that a server has at once, unless its configuration says otherwise. Half a request
// header takes up to 190 KB, so these bound what slow clients hold in memory.
const (
	DefaultMaxConnections           = 4096
	DefaultMaxConnectionsPerAddress = 1024
)

// otherFiles are descriptors that connections leave for the database and the log.
const otherFiles = 64

// Limit bounds the connections of l, in all and for each client address (IPv6: for each /64).
// If there are too many, the one that has waited for its client longest is closed: for a TLS
// handshake, a request's header or body, or the next request. A connection whose request is
// being answered is never closed; if all are, the new one is. The server's proxies have no
// limit for each address. Wrap the listener before TLS does, so that handshakes count.
func (s *Server) Limit(l net.Listener) net.Listener {
	limit := s.maxConnections
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil && uint64(files.Cur) < uint64(limit+otherFiles) {
		limit = max(int(files.Cur)-otherFiles, otherFiles/4)
		s.log.Warn("the limit of open files lowers the number of connections", "files", uint64(files.Cur), "connections", limit)
	}
	return &limitedListener{Listener: l, max: limit, perAddress: s.maxPerAddress, exempt: s.trusted, log: s.log,
		all: list.New(), clients: map[netip.Prefix]*list.List{}}
}

type limitedListener struct {
	net.Listener
	max, perAddress int
	exempt          func(netip.Addr) bool
	log             *slog.Logger

	mu      sync.Mutex
	all     *list.List // of *connection; the one that finished a request last, or came last, is at the back
	clients map[netip.Prefix]*list.List
	closed  int       // connections closed since the last line in the log
	logged  time.Time // when that was
}

// connection is one of a limitedListener.
type connection struct {
	net.Conn
	listener *limitedListener
	client   netip.Prefix // zero if exempt
	place    *list.Element
	nth      *list.Element // place among those of the client, nil if exempt

	requests atomic.Int32 // requests in the handler
	bodies   atomic.Int32 // those of them that wait for their body
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: raw, listener: l}
		slow, admitted := l.admit(c)
		if slow != nil {
			slow.Conn.Close()
		}
		if admitted {
			return c, nil
		}
		raw.Close()
	}
}

// admit adds a connection and returns one that must be closed for it, if any. It reports
// whether there is room for the new one.
func (l *limitedListener) admit(c *connection) (slow *connection, admitted bool) {
	if from, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		if a := plain(from.AddrPort().Addr()); !l.exempt(a) {
			c.client = network(a)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	mine := l.clients[c.client]
	full := l.all
	switch {
	case c.client.IsValid() && mine != nil && mine.Len() >= l.perAddress:
		full = mine
	case l.all.Len() < l.max:
		full = nil
	}
	if full != nil {
		l.count()
		if slow = slowest(full); slow == nil {
			return nil, false
		}
		l.remove(slow)
		mine = l.clients[c.client]
	}
	c.place = l.all.PushBack(c)
	if c.client.IsValid() {
		if mine == nil {
			mine = list.New()
			l.clients[c.client] = mine
		}
		c.nth = mine.PushBack(c)
	}
	return slow, true
}

// network is what counts as one client: an IPv4 address, or the smallest network that an IPv6
// client is given.
func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// slowest returns the first connection of a list that waits for its client, nil if none does.
func slowest(from *list.List) *connection {
	for e := from.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*connection); c.requests.Load() <= c.bodies.Load() {
			return c
		}
	}
	return nil
}

// logEvery is how often the log says that connections are closed.
const logEvery = 10 * time.Second

func (l *limitedListener) count() {
	l.closed++
	if now := time.Now(); now.Sub(l.logged) >= logEvery {
		l.log.Warn("there are too many connections: the slowest were closed", "closed", l.closed, "connections", l.all.Len())
		l.closed, l.logged = 0, now
	}
}

func (l *limitedListener) remove(c *connection) {
	if c.place == nil {
		return
	}
	l.all.Remove(c.place)
	if c.nth != nil {
		mine := l.clients[c.client]
		if mine.Remove(c.nth); mine.Len() == 0 {
			delete(l.clients, c.client)
		}
	}
	c.place, c.nth = nil, nil
}

func (c *connection) Close() error {
	c.listener.mu.Lock()
	c.listener.remove(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// begin notes that a request of the connection is in the handler. Its body tells when it
// waits for the client. The request ends with end.
func (c *connection) begin(r *http.Request) {
	c.requests.Add(1)
	if r.ContentLength != 0 {
		r.Body = awaitedBody{r.Body, c}
	}
}

func (c *connection) end() {
	c.requests.Add(-1)
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.place == nil {
		return
	}
	l.all.MoveToBack(c.place)
	if c.nth != nil {
		l.clients[c.client].MoveToBack(c.nth)
	}
}

// awaitedBody is a body that its connection knows to be waited for.
type awaitedBody struct {
	io.ReadCloser
	c *connection
}

func (b awaitedBody) Read(p []byte) (int, error) {
	b.c.bodies.Add(1)
	defer b.c.bodies.Add(-1)
	return b.ReadCloser.Read(p)
}

type connectionKey struct{}

// withConnection lets a request find its connection.
func withConnection(ctx context.Context, c net.Conn) context.Context {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	if limited, ok := c.(*connection); ok {
		return context.WithValue(ctx, connectionKey{}, limited)
	}
	return ctx
}
