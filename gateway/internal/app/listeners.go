package app

import (
	"fmt"
	"net"
	"strconv"
)

// listeners are the sockets, opened before anything else so that a port in use is told at once and free ports are known to every part.
type listeners struct {
	public, private, inbound   net.Listener
	inboxSMTP, inboxHTTP, text net.Listener // development only
}

// urls are the addresses of this gateway.
type urls struct {
	Public, Private, Inbox, InboxSMTP, SMS, SMTPIn string

	links string // what stands in front of the paths in links and webhooks
}

// listen opens the sockets.
func (g *gateway) listen() error {
	port := ports{next: g.o.Port}
	opens := []struct {
		ln   *net.Listener
		addr string
		on   bool
	}{
		{&g.listeners.public, g.c.Public.Listen, true},
		{&g.listeners.private, g.c.Private.Listen, true},
		{&g.listeners.inbound, g.c.Inbound.Listen, g.o.Dev || g.c.Inbound.Listen != ""},
		{&g.listeners.inboxSMTP, "127.0.0.1:0", g.o.Dev},
		{&g.listeners.inboxHTTP, "127.0.0.1:0", g.o.Dev},
		{&g.listeners.text, "127.0.0.1:0", g.o.Dev},
	}
	for _, open := range opens {
		if !open.on {
			continue
		}
		if err := port.open(open.ln, open.addr, g.o.Dev); err != nil {
			return err
		}
	}
	g.urls = g.listeners.urls(g.c.Public.URL)
	return nil
}

// ports gives the listeners of development mode their ports, one after the other.
type ports struct{ next int }

func (p *ports) open(ln *net.Listener, addr string, dev bool) (err error) {
	if dev && p.next >= 0 {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(p.next))
		if p.next > 0 {
			p.next++
		}
	}
	if *ln, err = net.Listen("tcp", addr); err != nil {
		return fmt.Errorf("%w; choose another port in the settings, or with --port", err)
	}
	return nil
}

func (l *listeners) urls(public string) urls {
	u := urls{Public: "http://" + addressOf(l.public), Private: "http://" + addressOf(l.private), SMTPIn: addressOf(l.inbound), InboxSMTP: addressOf(l.inboxSMTP)}
	if l.inboxHTTP != nil {
		u.Inbox, u.SMS = "http://"+addressOf(l.inboxHTTP), "http://"+addressOf(l.text)
	}
	u.links = public
	if u.links == "" {
		u.links = u.Public
	}
	return u
}

func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// close closes what no part has taken over; closing twice does no harm.
func (l *listeners) close() {
	for _, ln := range []net.Listener{l.public, l.private, l.inbound, l.inboxSMTP, l.inboxHTTP, l.text} {
		if ln != nil {
			ln.Close()
		}
	}
}
