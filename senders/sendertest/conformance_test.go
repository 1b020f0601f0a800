package sendertest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"heed/senders"
)

// model is the plainest Sender and its peer in one. It keeps the contract, but for its cheat.
type model struct {
	scenario Scenario
	cheat    string
	took     chan struct{}
	mu       sync.Mutex
	wire     bytes.Buffer
}

func (m *model) Wire() []byte          { m.mu.Lock(); defer m.mu.Unlock(); return bytes.Clone(m.wire.Bytes()) }
func (m *model) Took() <-chan struct{} { return m.took }
func (m *model) Close() error          { return nil }

func (m *model) write(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wire.WriteString(s)
}

func (m *model) fail(class senders.Class, to string) error {
	e := &senders.Error{Class: class, Code: "1", Detail: "no"}
	switch m.cheat {
	case "names the recipient":
		e.Detail = "no " + to
	case "mistakes the class":
		e.Class = class%senders.Unavailable + 1
	}
	return e
}

func (m *model) Send(ctx context.Context, msg *senders.Message) (senders.Result, error) {
	if err := ctx.Err(); err != nil {
		return senders.Result{}, &senders.Error{Class: senders.Unavailable, Err: err}
	}
	if m.scenario == Unavailable {
		return senders.Result{}, m.fail(senders.Unavailable, msg.To)
	}
	if m.cheat == "sends before Begin" {
		m.write(msg.To)
	}
	handoff, err := msg.Begin()
	if m.cheat == "begins twice" {
		msg.Begin()
	}
	if err != nil && m.cheat != "sends after Begin's error" {
		return senders.Result{}, err
	}
	m.write(msg.To)
	if handoff != nil && m.cheat != "hides the first byte" {
		handoff.Began()
	}
	if handoff != nil && m.cheat != "forgets end" {
		defer handoff.End()
	}
	if m.cheat != "loses messages" || m.scenario != Accepts {
		m.took <- struct{}{}
	}
	return m.outcome(ctx, msg)
}

func (m *model) outcome(ctx context.Context, msg *senders.Message) (senders.Result, error) {
	refusals := map[Scenario]senders.Class{Temporary: senders.Temporary, Permanent: senders.Permanent, Throttled: senders.Throttled, Unknown: senders.Unknown}
	if class, ok := refusals[m.scenario]; ok {
		return senders.Result{}, m.fail(class, msg.To)
	}
	if m.scenario == Silent {
		<-ctx.Done()
		e := &senders.Error{Class: senders.Unknown, Err: ctx.Err()}
		if m.cheat == "hides the cancellation" {
			e.Err = nil
		}
		return senders.Result{}, e
	}
	return senders.Result{ProviderID: "1"}, nil
}

// TestModel runs the suite on the model with the cheat named in the environment; without one it must pass.
func TestModel(t *testing.T) {
	Run(t, Harness{
		Open: func(_ *testing.T, s Scenario) (senders.Sender, Peer) {
			m := &model{scenario: s, cheat: os.Getenv("SENDERTEST_CHEAT"), took: make(chan struct{}, 100)}
			return m, m
		},
		Message: senders.Message{To: "ann@example.org"},
		Seen:    func(wire []byte) bool { return len(wire) > 0 },
	})
}

// TestRun_CatchesEachCheat: a suite that cannot fail proves nothing. Each cheat runs in a process of its own, since its test is to fail.
func TestRun_CatchesEachCheat(t *testing.T) {
	check := func(cheat, complaint string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestModel$")
		cmd.Env = append(os.Environ(), "SENDERTEST_CHEAT="+cheat)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), complaint) {
			t.Errorf("%s: %v, no %q in\n%s", cheat, err, complaint, out)
		}
	}
	check("names the recipient", "contains the recipient's address")
	check("mistakes the class", "want permanent")
	check("sends before Begin", "was sent before Begin")
	check("sends after Begin's error", "was sent though Begin failed")
	check("begins twice", "Begin called 2 times")
	check("hides the first byte", "bytes are out")
	check("forgets end", "end 0 times")
	check("loses messages", "the peer took 0 messages")
	check("hides the cancellation", "is not context.Canceled")
}
