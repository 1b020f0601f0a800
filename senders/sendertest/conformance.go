package sendertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"heed/senders"
)

// Scenario is what the peer of a conformance test does with every message.
type Scenario string

const (
	Accepts     Scenario = "accepts"
	Temporary   Scenario = "refuses for now"
	Permanent   Scenario = "refuses for good, and names the recipient"
	Throttled   Scenario = "asks for a pause"
	Unknown     Scenario = "is gone once it has the message"
	Unavailable Scenario = "is not there"
	Silent      Scenario = "takes the message and never answers"
)

// Harness joins a kind of Sender to peers that play the scenarios.
type Harness struct {
	// Open starts a peer and makes a Sender to it, with timeouts of 30 s or more.
	Open func(t *testing.T, s Scenario) (senders.Sender, Peer)
	// Message is one that the peer accepts.
	Message senders.Message
	// Seen tells whether wire holds anything of a message's transaction.
	Seen func(wire []byte) bool
}

// Peer is what Run watches; SMTPPeer and HTTPPeer are two.
type Peer interface {
	Wire() []byte          // all that was received
	Took() <-chan struct{} // a value for each message received whole
}

// Run tries a Sender on every clause of the contract.
func Run(t *testing.T, h Harness) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("accepted", func(t *testing.T) { accepted(t, h) })
	for scenario, class := range map[Scenario]senders.Class{
		Temporary: senders.Temporary, Permanent: senders.Permanent, Throttled: senders.Throttled,
		Unknown: senders.Unknown, Unavailable: senders.Unavailable,
	} {
		t.Run(class.String(), func(t *testing.T) { refused(t, h, scenario, class) })
	}
	t.Run("begin error sends nothing", func(t *testing.T) { beginFails(t, h) })
	t.Run("cancelled before", func(t *testing.T) { cancelledBefore(t, h) })
	t.Run("cancelled while the peer is silent", func(t *testing.T) { cancelledLate(t, h) })
	t.Run("concurrent", func(t *testing.T) { concurrent(t, h) })
}

// hook counts a message's Begin and end, and what had been sent when Begin was called.
type hook struct {
	begun, ended atomic.Int32
	written      atomic.Int32
	early        atomic.Bool // something of the message was on the wire before Begin
	disorder     atomic.Bool // told of bytes before Begin, or after the end
	fail         error
	seen         func() bool
}

func (k *hook) begin() (senders.Handoff, error) {
	k.begun.Add(1)
	if k.seen() {
		k.early.Store(true)
	}
	if k.fail != nil {
		return nil, k.fail
	}
	return k, nil
}

// Began and End make the hook the Handoff of its message.
func (k *hook) Began() {
	k.written.Add(1)
	if k.begun.Load() == 0 || k.ended.Load() == k.begun.Load() {
		k.disorder.Store(true)
	}
}

func (k *hook) End() { k.ended.Add(1) }

// open gives a Sender, a message with a counting hook, and closes and checks at the end.
func open(t *testing.T, h Harness, s Scenario) (senders.Sender, senders.Message, *hook, Peer) {
	t.Helper()
	sender, peer := h.Open(t, s)
	t.Cleanup(func() {
		if err := sender.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	k := &hook{seen: func() bool { return h.Seen(peer.Wire()) }}
	m := h.Message
	m.Begin = k.begin
	return sender, m, k, peer
}

// check holds the bookkeeping of Begin against the number of calls that it should have had.
func (k *hook) check(t *testing.T, want int32) {
	t.Helper()
	if b, e := k.begun.Load(), k.ended.Load(); b != want || e != want {
		t.Errorf("Begin called %d times and end %d times, want %d each", b, e, want)
	}
	if k.early.Load() {
		t.Error("something of the message was sent before Begin")
	}
	if k.disorder.Load() || k.seen() && k.written.Load() == 0 {
		t.Errorf("told %d times that bytes are out, in the wrong place or never", k.written.Load())
	}
}

func accepted(t *testing.T, h Harness) {
	sender, m, k, _ := open(t, h, Accepts)
	result, err := sender.Send(t.Context(), &m)
	if err != nil {
		t.Fatal(err)
	}
	if result.ProviderID == "" {
		t.Error("no ProviderID, though the peer gives one")
	}
	if !k.seen() {
		t.Error("accepted, but nothing is on the wire")
	}
	checkText(t, result.Detail, m.To)
	k.check(t, 1)
}

func refused(t *testing.T, h Harness, s Scenario, class senders.Class) {
	sender, m, k, _ := open(t, h, s)
	_, err := sender.Send(t.Context(), &m)
	checkError(t, err, class, m.To)
	if b, e := k.begun.Load(), k.ended.Load(); b > 1 || b != e {
		t.Errorf("Begin called %d times and end %d times", b, e)
	}
}

func checkError(t *testing.T, err error, class senders.Class, address string) {
	t.Helper()
	e, ok := senders.AsError(err)
	if !ok {
		t.Fatalf("error %v is no *senders.Error", err)
	}
	if e.Class != class {
		t.Errorf("class %v, want %v (%v)", e.Class, class, err)
	}
	if class == senders.Permanent && e.Code == "" {
		t.Error("a Permanent error without a Code")
	}
	checkText(t, e.Error(), address)
	checkText(t, e.Detail, address)
}

// checkText: P6, and the bound on a peer's words.
func checkText(t *testing.T, s, address string) {
	t.Helper()
	if strings.Contains(strings.ToLower(s), strings.ToLower(address)) {
		t.Errorf("%q contains the recipient's address", s)
	}
	if len(s) > 300 {
		t.Errorf("%d bytes of detail", len(s))
	}
	if strings.ContainsAny(s, "\r\n\x00") {
		t.Errorf("%q does not print", s)
	}
}

func beginFails(t *testing.T, h Harness) {
	sender, m, k, _ := open(t, h, Accepts)
	k.fail = errors.New("suppressed meanwhile")
	_, err := sender.Send(t.Context(), &m)
	if err != k.fail {
		t.Errorf("error %v, want Begin's as it is", err)
	}
	if k.begun.Load() != 1 || k.ended.Load() != 0 {
		t.Errorf("Begin called %d times, end %d times", k.begun.Load(), k.ended.Load())
	}
	// What was held back must not follow with the next message either.
	if err := sender.Close(); err != nil {
		t.Error(err)
	}
	if k.seen() {
		t.Error("something of the message was sent though Begin failed")
	}
}

func cancelledBefore(t *testing.T, h Harness) {
	sender, m, k, _ := open(t, h, Accepts)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sender.Send(ctx, &m)
	checkError(t, err, senders.Unavailable, m.To)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
	if k.seen() {
		t.Error("something was sent after the cancellation")
	}
}

func cancelledLate(t *testing.T, h Harness) {
	sender, m, k, peer := open(t, h, Silent)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := sender.Send(ctx, &m)
		done <- err
	}()
	select {
	case <-peer.Took():
	case err := <-done:
		t.Fatalf("Send ended before its peer had the message: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("the peer never had the message")
	}
	cancel()
	select {
	case err := <-done:
		checkError(t, err, senders.Unknown, m.To)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v is not context.Canceled", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Send goes on after its ctx has ended")
	}
	k.check(t, 1)
}

// concurrent sends from more goroutines than most pools have connections.
func concurrent(t *testing.T, h Harness) {
	sender, m, k, peer := open(t, h, Accepts)
	k.seen = func() bool { return false } // others are on the wire at the same time
	const workers, each = 8, 5
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				if _, err := sender.Send(t.Context(), &m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	k.check(t, workers*each)
	if n := len(peer.Took()); n != workers*each {
		t.Errorf("the peer took %d messages, want %d", n, workers*each)
	}
}
