package server

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestClientAddressIsNeverTheClientsOwnWord(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for _, c := range []struct {
		name, remote string
		forwarded    []string
		proxies      []netip.Prefix
		want         string
	}{
		{"no proxy configured", "192.0.2.1:5", []string{"198.51.100.7"}, nil, "192.0.2.1"},
		{"not from a proxy", "192.0.2.1:5", []string{"198.51.100.7"}, proxies, "192.0.2.1"},
		{"from a proxy", "10.1.2.3:5", []string{"198.51.100.7"}, proxies, "198.51.100.7"},
		{"forged before the proxy's own", "10.1.2.3:5", []string{"203.0.113.9, 198.51.100.7"}, proxies, "198.51.100.7"},
		{"two headers", "10.1.2.3:5", []string{"203.0.113.9", "198.51.100.7"}, proxies, "198.51.100.7"},
		{"two proxies", "10.1.2.3:5", []string{"203.0.113.9, 198.51.100.7, 10.9.9.9"}, proxies, "198.51.100.7"},
		{"garbage", "10.1.2.3:5", []string{"203.0.113.9, x"}, proxies, "10.1.2.3"},
		{"nothing", "10.1.2.3:5", nil, proxies, "10.1.2.3"},
		{"mapped", "[::ffff:10.1.2.3]:5", []string{"198.51.100.7"}, proxies, "198.51.100.7"},
		{"v6", "[::1]:5", []string{"2001:db8::7"}, proxies, "2001:db8::7"},
		{"only proxies", "10.1.2.3:5", []string{"10.4.4.4"}, proxies, "10.4.4.4"},
	} {
		s := &Server{proxies: c.proxies}
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := s.address(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
