package outbound

import (
	"net/http"
	"net/netip"
)

// NewBeside is New for a server at public, which stands for one on the Internet.
func NewBeside(o Options, public netip.AddrPort) *http.Client {
	return newClient(o, func(a netip.AddrPort) error {
		if a == public {
			return nil
		}
		return Check(a.Addr(), o.AllowPrivate)
	})
}
