package server

import (
	"net/http"
	"net/netip"
	"strings"
)

// address returns the client's address, without port and zone. X-Forwarded-For is read from
// its end, and only as far as configured proxies vouch for it: the rest is the client's own
// word. Forwarded (RFC 7239) and X-Real-IP are not read: one header tells one thing, and a proxy
// that sets the one passes on the other as its client wrote it.
func (s *Server) address(r *http.Request) string {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	client := plain(ap.Addr())
	if len(s.proxies) == 0 || !s.trusted(client) {
		return client.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		text := strings.Trim(hops[i], " \t")
		if text == "" {
			continue // an empty element of a list is none (RFC 9110 §5.6.1)
		}
		hop, ok := parseHop(text)
		if !ok {
			break
		}
		client = hop
		if !s.trusted(client) {
			break
		}
	}
	return client.String()
}

// parseHop reads one address of X-Forwarded-For in the forms that proxies write: bare, with a
// port, in brackets, in quotes, with a zone. A port on IPv6 needs the brackets.
func parseHop(text string) (netip.Addr, bool) {
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		text = strings.Trim(text[1:n-1], " \t")
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return plain(a), true
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return plain(ap.Addr()), true
	}
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	a, err := netip.ParseAddr(inner)
	return plain(a), opened && closed && err == nil
}

// plain makes one client one address, however it is written.
func plain(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
