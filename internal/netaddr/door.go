package netaddr

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Door is a way out of this machine to hosts that others have named: to addresses of the
// Internet, and to others only as it says.
type Door struct {
	// Networks are private ones that may be reached, and Flag is what allows them.
	Networks []netip.Prefix
	Flag     string
	// Resolver finds the addresses of names; nil means the system's.
	Resolver *net.Resolver
	// Timeout bounds the connecting.
	Timeout time.Duration
}

// DialContext connects. A name is looked at when it has been resolved, so that it is not
// another address that is reached than the one that was looked at.
func (d Door) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host := Host(address)
	dialer := &net.Dialer{Timeout: d.Timeout, Resolver: d.Resolver, Control: func(_, resolved string, _ syscall.RawConn) error { return d.Allows(host, resolved) }}
	return dialer.DialContext(ctx, network, address)
}

// Allows says why a host at this address, which has a port, may not be reached. This
// machine's own may, where the host is called so.
func (d Door) Allows(host, address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	ip := at.Addr().Unmap().WithZone("")
	if IsLoopback(host) && ip.IsLoopback() {
		return nil
	}
	for _, n := range d.Networks {
		if n.Contains(ip) {
			return nil
		}
	}
	if !IsInternet(ip) {
		return fmt.Errorf("%s is not an address of the Internet: allow its network with %s, if that is meant", ip, d.Flag)
	}
	return nil
}
