package outbound

import (
	"fmt"
	"net/netip"
	"syscall"
)

// RefusedError says that a connection was not made because of where it would have led.
type RefusedError struct {
	Address netip.Addr
	Kind    string // "a loopback address"
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is %s, to which this server does not connect", e.Address, e.Kind)
}

// network is a range of addresses of one kind.
type network struct {
	prefix netip.Prefix
	kind   string
}

func networks(kind string, prefixes ...string) (all []network) {
	for _, p := range prefixes {
		all = append(all, network{netip.MustParsePrefix(p), kind})
	}
	return all
}

// cloud are addresses at which clouds hand out the secrets of the machine that asks. Some are among those of
// an operator's own networks, some among those of the Internet.
var cloud = networks("an address of a cloud's metadata service", "169.254.169.254/32", "100.100.100.200/32", "168.63.129.16/32",
	"192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128")

// never are addresses of no single host that could be meant.
var never = concat(
	networks("an unspecified address", "0.0.0.0/8", "::/128"),
	networks("a link-local address", "169.254.0.0/16", "fe80::/10"),
	networks("a multicast address", "224.0.0.0/4", "ff00::/8"),
	networks("a reserved address", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
	// These hold an IPv4 address, which may be any of the above.
	networks("an IPv6 address that stands for an IPv4 address", "::ffff:0:0/96", "::/96", "64:ff9b:1::/48", "2002::/16"),
)

// private are addresses of an operator's own networks.
var private = concat(
	networks("a loopback address", "127.0.0.0/8", "::1/128"),
	networks("a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
	networks("a shared address", "100.64.0.0/10"),
	networks("a unique local address", "fc00::/7"),
)

// translated holds IPv4 addresses for hosts that have IPv6 alone (RFC 6052 §2.1).
var translated = netip.MustParsePrefix("64:ff9b::/96")

func concat(lists ...[]network) (all []network) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// Check returns a *RefusedError unless a is an address on the Internet or, if that is allowed, in a network
// of the operator's own.
func Check(a netip.Addr, allowPrivate bool) error {
	bare := a.WithZone("")
	if kind := find(cloud, bare); kind != "" {
		return &RefusedError{a, kind}
	}
	if kind := find(private, bare); kind != "" {
		if allowPrivate {
			return nil
		}
		return &RefusedError{a, kind}
	}
	if kind := find(never, bare); kind != "" {
		return &RefusedError{a, kind}
	}
	if translated.Contains(bare) {
		b := bare.As16()
		if err := Check(netip.AddrFrom4([4]byte(b[12:])), allowPrivate); err != nil {
			return &RefusedError{a, err.(*RefusedError).Kind}
		}
		return nil
	}
	if !bare.IsValid() || bare.Is6() && !global.Contains(bare) {
		return &RefusedError{a, "not an address on the Internet"}
	}
	return nil
}

// global is all of IPv6 that is given out (RFC 4291 §2.4).
var global = netip.MustParsePrefix("2000::/3")

// find returns the kind of the first network with an address, "" if there is none.
func find(in []network, a netip.Addr) string {
	for _, n := range in {
		// netip finds no IPv4-mapped address in any prefix.
		if n.prefix.Contains(a) || n.prefix == mapped && a.Is4In6() {
			return n.kind
		}
	}
	return ""
}

var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// control is called by net.Dialer with each address that it is about to connect to, after the name was
// looked up. So a name that leads to another address the second time gains nothing.
func control(check func(netip.AddrPort) error) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return check(at)
	}
}
