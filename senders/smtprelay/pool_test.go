package smtprelay_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"heed/senders"
	"heed/senders/sendertest"
	"heed/senders/smtprelay"
)

// send wants outcome want of one message.
func send(t *testing.T, r *smtprelay.Relay, k *calls, want string) {
	t.Helper()
	result, err := r.Send(t.Context(), k.message("ann@example.org"))
	if got := outcome(t, result, err); got != want {
		t.Errorf("got %q, want %q (%v)", got, want, err)
	}
	if k.begun != k.ended {
		t.Errorf("Begin called %d times, end %d times", k.begun, k.ended)
	}
}

const ok = "accepted PEER1"

func TestPool_KeepsTheConnection(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	k := &calls{}
	for range 5 {
		send(t, relay, k, ok)
	}
	relay.Close()
	if peer.Conns() != 1 || peer.Quits() != 1 || k.begun != 5 {
		t.Errorf("%d connections, %d QUIT, %d Begin", peer.Conns(), peer.Quits(), k.begun)
	}
}

func TestPool_RenewsAfterMaxPerConn(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr, MaxPerConn: 2})
	for range 5 {
		send(t, relay, &calls{}, ok)
	}
	relay.Close()
	if peer.Conns() != 3 || peer.Quits() != 3 {
		t.Errorf("%d connections, %d QUIT, want 3 each", peer.Conns(), peer.Quits())
	}
}

// A refusal leaves the dialogue usable: RSET and on, and Begin comes after the RSET.
func TestPool_ResetsAfterARefusal(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: "rcpt 1: 550 5.1.1 no such user\ndot 1: 451 4.3.0 not now"})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	defer relay.Close()
	send(t, relay, &calls{}, "permanent 5.1.1")
	send(t, relay, &calls{}, "temporary 4.3.0")
	send(t, relay, &calls{}, ok)
	want := []string{"EHLO", "MAIL", "RCPT", "RSET", "EHLO", "MAIL", "RCPT", "DATA", "MAIL", "RCPT", "DATA"}
	if got := peer.Commands(); !slices.Equal(got, want) || peer.Conns() != 1 {
		t.Errorf("%d connections, commands %q", peer.Conns(), got)
	}
}

// A kept connection that died harms no message: end is called for the first Begin before the second.
func TestPool_ReplacesADeadConnection(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	defer relay.Close()
	send(t, relay, &calls{}, ok)
	peer.Drop()
	k := &calls{}
	send(t, relay, k, ok)
	if peer.Conns() != 2 || len(peer.Mails()) != 2 || k.begun > 2 {
		t.Errorf("%d connections, %d mails, %d Begin", peer.Conns(), len(peer.Mails()), k.begun)
	}
}

func TestPool_TriesAgainAfterA421OnAKeptConnection(t *testing.T) { // RFC 5321 §3.8: the peer may close at any time
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: "mail 2: 421 4.4.2 idle for too long\nmail 2: close"})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	defer relay.Close()
	send(t, relay, &calls{}, ok)
	k := &calls{}
	send(t, relay, k, ok)
	if peer.Conns() != 2 || k.begun != 2 {
		t.Errorf("%d connections, %d Begin", peer.Conns(), k.begun)
	}
}

// Once RCPT was said the message is not tried again by itself: that is the queue's to decide.
func TestPool_DoesNotRepeatAfterMail(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: "rcpt 2: close"})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	defer relay.Close()
	send(t, relay, &calls{}, ok)
	send(t, relay, &calls{}, "unavailable 4.4.2")
	if peer.Conns() != 1 {
		t.Errorf("%d connections", peer.Conns())
	}
}

func TestPool_BoundsConnections(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{})
	var open, most atomic.Int32
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr, MaxConns: 3, MaxPerConn: 4, Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
		c, err := peer.Dial(ctx, n, a)
		if now := open.Add(1); now > most.Load() {
			most.Store(now)
		}
		return &counted{Conn: c, open: &open}, err
	}})
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			for range 10 {
				if _, err := relay.Send(t.Context(), (&calls{}).message("ann@example.org")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	relay.Close()
	if most.Load() > 3 || open.Load() != 0 || len(peer.Mails()) != 120 {
		t.Errorf("at most %d open, %d left open, %d mails", most.Load(), open.Load(), len(peer.Mails()))
	}
}

// counted takes itself off the count when closed.
type counted struct {
	net.Conn
	open *atomic.Int32
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// inBubble gives a relay and a peer joined over memory, under fake time.
func inBubble(t *testing.T, script string, o smtprelay.Options, test func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{Script: script, InMemory: true})
		o.Addr, o.Dial = peer.Addr, peer.Dial
		relay := newRelay(t, o)
		defer relay.Close()
		test(t, relay, peer)
	})
}

func TestPool_ClosesIdleConnectionsPolitely(t *testing.T) {
	inBubble(t, "", smtprelay.Options{IdleTimeout: time.Minute}, func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer) {
		send(t, r, &calls{}, ok)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if p.Quits() != 0 {
			t.Error("closed too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if p.Quits() != 1 {
			t.Error("not closed")
		}
		send(t, r, &calls{}, ok)
	})
}

// After a pause the peer is asked whether it is there before Begin is.
func TestPool_LooksBeforeItTrusts(t *testing.T) {
	inBubble(t, "noop: hang", smtprelay.Options{}, func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer) {
		send(t, r, &calls{}, ok)
		time.Sleep(10 * time.Second)
		k, start := &calls{}, time.Now()
		send(t, r, k, ok)
		if p.Conns() != 2 || k.begun != 1 || time.Since(start) != 5*time.Second {
			t.Errorf("%d connections, %d Begin, %v", p.Conns(), k.begun, time.Since(start))
		}
	})
}

func TestPool_WaitsForASlotUntilItsContextEnds(t *testing.T) {
	inBubble(t, "dot 1: hang", smtprelay.Options{MaxConns: 1}, func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer) {
		first, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := r.Send(first, (&calls{}).message("ann@example.org"))
			done <- err
		}()
		<-p.Took()
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		k := &calls{}
		_, err := r.Send(ctx, k.message("ann@example.org"))
		if e, ok := senders.AsError(err); !ok || e.Class != senders.Unavailable || !errors.Is(err, context.DeadlineExceeded) || k.begun != 0 {
			t.Errorf("%v, %d Begin", err, k.begun)
		}
		cancel()
		if e, ok := senders.AsError(<-done); !ok || e.Class != senders.Unknown {
			t.Error("a message cut off after its final dot is not Unknown")
		}
	})
}

// RFC 5321 §4.5.3.2: every phase ends within its own time, whatever the peer does.
func TestTimeouts_EachPhaseHasItsOwn(t *testing.T) {
	limits := smtprelay.Timeouts{Dial: time.Second, Greeting: 20 * time.Second, Command: 30 * time.Second, DataWrite: 40 * time.Second, DataReply: 50 * time.Second}
	check := func(script, want string, took time.Duration) {
		t.Helper()
		inBubble(t, script, smtprelay.Options{Timeouts: limits}, func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer) {
			start := time.Now()
			send(t, r, &calls{}, want)
			if got := time.Since(start); got != took {
				t.Errorf("%s: took %v, want %v", script, got, took)
			}
		})
	}
	check("greeting: hang", "unavailable 4.4.2", limits.Greeting)
	check("greeting: drip 220 peer.example ESMTP and much more to say", "unavailable 4.4.2", limits.Greeting)
	check("ehlo: hang", "unavailable 4.4.2", limits.Command)
	check("mail: hang", "unavailable 4.4.2", limits.Command)
	check("rcpt: drip 250 2.1.5 well well well well well well well", "unavailable 4.4.2", limits.Command)
	check("data: hang", "unavailable 4.4.2", limits.Command)
	check("dot: hang", "unknown 4.4.2", limits.DataReply)
	check("dot: drip 250 2.0.0 queued as X", "accepted X", 23*time.Second)
}

func TestTimeouts_APeerThatStopsReading(t *testing.T) { // RFC 5321 §4.5.3.2.5
	inBubble(t, "body: hang", smtprelay.Options{Timeouts: smtprelay.Timeouts{DataWrite: 40 * time.Second}}, func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer) {
		k, start := &calls{}, time.Now()
		m := k.message("ann@example.org")
		m.Body = slices.Repeat([]byte("0123456789\r\n"), 10_000)
		result, err := r.Send(t.Context(), m)
		if got := outcome(t, result, err); got != "unavailable 4.4.2" || time.Since(start) != 40*time.Second {
			t.Errorf("%q after %v", got, time.Since(start))
		}
		k.check(t)
	})
}

func TestContext_EndsASendAtOnce(t *testing.T) {
	check := func(script, want string) {
		t.Helper()
		inBubble(t, script, smtprelay.Options{}, func(t *testing.T, r *smtprelay.Relay, p *sendertest.SMTPPeer) {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			k, start := &calls{}, time.Now()
			result, err := r.Send(ctx, k.message("ann@example.org"))
			if got := outcome(t, result, err); got != want || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
				t.Errorf("%s: %q after %v: %v", script, got, time.Since(start), err)
			}
			k.check(t)
		})
	}
	check("greeting: hang", "unavailable 4.4.2")
	check("mail: hang", "unavailable 4.4.2")
	check("data: hang", "unavailable 4.4.2")
	check("dot: hang", "unknown 4.4.2")
}

func TestClose_ThenSendIsUnavailable(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	relay.Close()
	k := &calls{}
	send(t, relay, k, "unavailable 4.3.2")
	if k.begun != 0 || peer.Conns() != 0 {
		t.Error("a closed relay went on")
	}
}

// A message held back by Begin costs neither the connection nor the next message anything.
func TestBegin_ErrorKeepsTheConnection(t *testing.T) {
	peer := sendertest.NewSMTPPeer(t, sendertest.SMTPOptions{})
	relay := newRelay(t, smtprelay.Options{Addr: peer.Addr})
	defer relay.Close()
	stop := errors.New("opted out")
	m := (&calls{}).message("ann@example.org")
	m.Begin = sendertest.Watch(func() (func(), error) { return nil, stop })
	if _, err := relay.Send(t.Context(), m); err != stop {
		t.Errorf("%v, want Begin's error", err)
	}
	send(t, relay, &calls{}, ok)
	if want := []string{"EHLO", "MAIL", "RCPT", "DATA"}; !slices.Equal(peer.Commands(), want) {
		t.Errorf("commands %q", peer.Commands())
	}
}
