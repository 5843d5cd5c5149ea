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
		{"port", "10.1.2.3:5", []string{"198.51.100.7:4711"}, proxies, "198.51.100.7"},
		{"v6 in brackets", "10.1.2.3:5", []string{"[2001:db8::7]"}, proxies, "2001:db8::7"},
		{"v6 with port", "10.1.2.3:5", []string{"[2001:db8::7]:4711"}, proxies, "2001:db8::7"},
		{"v6 with zone", "10.1.2.3:5", []string{"fe80::7%eth0"}, proxies, "fe80::7"},
		{"v6 with zone, brackets and port", "10.1.2.3:5", []string{"[fe80::7%eth0]:4711"}, proxies, "fe80::7"},
		{"v6 in other letters", "10.1.2.3:5", []string{"2001:DB8:0:0::0007"}, proxies, "2001:db8::7"},
		{"quotes", "10.1.2.3:5", []string{`"198.51.100.7"`}, proxies, "198.51.100.7"},
		{"quotes, brackets and port", "10.1.2.3:5", []string{`"[2001:db8::7]:4711"`}, proxies, "2001:db8::7"},
		{"mapped hop", "10.1.2.3:5", []string{"::ffff:198.51.100.7"}, proxies, "198.51.100.7"},
		{"mapped hop in brackets with port", "10.1.2.3:5", []string{"[::ffff:198.51.100.7]:80"}, proxies, "198.51.100.7"},
		{"proxies with ports", "10.1.2.3:5", []string{"203.0.113.9, 198.51.100.7:1 ,10.9.9.9:2", `"[::1]:3"`}, proxies, "198.51.100.7"},
		{"proxies in three lines", "10.1.2.3:5", []string{"198.51.100.7:1", "10.9.9.9", "[::ffff:10.9.9.8]:9"}, proxies, "198.51.100.7"},
		{"tabs and empty elements", "10.1.2.3:5", []string{"203.0.113.9,,\t198.51.100.7\t, ,", ""}, proxies, "198.51.100.7"},
		{"unknown", "10.1.2.3:5", []string{"198.51.100.7, unknown"}, proxies, "10.1.2.3"},
		{"hidden", "10.1.2.3:5", []string{"198.51.100.7, _proxy"}, proxies, "10.1.2.3"},
		{"name", "10.1.2.3:5", []string{"198.51.100.7, example.org"}, proxies, "10.1.2.3"},
		{"half a bracket", "10.1.2.3:5", []string{"198.51.100.7, [2001:db8::7"}, proxies, "10.1.2.3"},
		{"the other half", "10.1.2.3:5", []string{"198.51.100.7, 2001:db8::7]"}, proxies, "10.1.2.3"},
		{"brackets of v4", "10.1.2.3:5", []string{"[198.51.100.7]"}, proxies, "198.51.100.7"},
		{"half a quote", "10.1.2.3:5", []string{`203.0.113.9, "198.51.100.7`}, proxies, "10.1.2.3"},
		{"port that is none", "10.1.2.3:5", []string{"203.0.113.9, 198.51.100.7:http"}, proxies, "10.1.2.3"},
		{"port too large", "10.1.2.3:5", []string{"203.0.113.9, 198.51.100.7:70000"}, proxies, "10.1.2.3"},
		{"leading zeros", "10.1.2.3:5", []string{"203.0.113.9, 198.051.100.7"}, proxies, "10.1.2.3"},
		{"remote with a zone", "[fe80::1%eth0]:5", nil, proxies, "fe80::1"},
		{"proxy with a zone", "[::1%lo]:5", []string{"198.51.100.7"}, proxies, "198.51.100.7"},
		{"only proxies", "10.1.2.3:5", []string{"10.4.4.4"}, proxies, "10.4.4.4"},
	} {
		s := &Server{proxies: c.proxies}
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := s.address(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
