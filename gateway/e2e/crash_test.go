package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// ledger is what the outside remembers: kept by the test, so that no crash of the gateway can touch it.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]bool      // recipients of batches that were answered with 202
	left     map[string]time.Time // answered with 200
	tried    map[string]bool      // clicked, answered or not: with a kill in between nobody can know
	kills    []time.Time
}

// TestCrash_NothingAcceptedIsLost kills the gateway at random moments while it accepts, sends and takes opt-outs, and starts it again on the same folder.
// Every recipient of a 202 arrives (P2), nobody who was told "you are out" gets anything from later (P1), and second copies are those that were in hand
// when the process died, with the same Message-ID (P3).
func TestCrash_NothingAcceptedIsLost(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	r := rand.New(rand.NewPCG(seed, 2))
	peer := startInbox(t)
	settings := writeSettings(t, "email:", relayTo(peer.smtp), signing(t), "retry: {least: 10ms, first: 100ms, max: 1s}", "intake: {min_free_disk: 0 B}")
	data := t.TempDir()
	l := &ledger{accepted: map[string]bool{}, left: map[string]time.Time{}, tried: map[string]bool{}}
	for round := range rounds {
		g, err := launch(data, settings)
		if err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { l.keepSending(g, round, stop) })
		wg.Go(func() { l.keepLeaving(t, g, peer, stop) })
		time.Sleep(300*time.Millisecond + time.Duration(r.IntN(1200))*time.Millisecond) // the moment of the kill is the test's input, not its condition
		g.kill()
		l.kills = append(l.kills, time.Now())
		close(stop)
		wg.Wait()
	}
	g := startGateway(t, data, settings)
	l.sendLast(t, g)
	g.awaitEmpty(t)
	l.judge(t, everything(t, peer.http))
}

// keepSending posts batches of 200 new people until it is stopped; only those whose 202 arrived are in the ledger.
func (l *ledger) keepSending(g *gateway, round int, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond): // the inbox has to remember everything
		}
		var recipients []recipient
		for i := range 200 {
			recipients = append(recipients, recipient{To: fmt.Sprintf("r%d-b%d-%d@crash.example", round, n, i)})
		}
		mail := campaignMail()
		mail["text"], mail["html"] = "All is new.", ""
		mail["subject"] = "Crash"
		if _, err := g.stream(g.Keys["marketing"], mail, recipients); err != nil {
			continue // not answered: whether it was taken is unknown, and nothing was promised
		}
		l.mu.Lock()
		for _, p := range recipients {
			l.accepted[p.To] = true
		}
		l.mu.Unlock()
	}
}

// keepLeaving clicks the link of somebody who has got mail, again and again; only clicks whose 200 arrived are in the ledger.
func (l *ledger) keepLeaving(t *testing.T, g *gateway, peer *inbox, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
		m, ok := peer.latest(t)
		if !ok || !l.firstTry(m.To) {
			continue
		}
		uri, err := url.Parse(m.oneClickURL(t))
		if err != nil {
			t.Error(err)
			return
		}
		if at, err := click(g.Public + uri.Path); err == nil {
			l.mu.Lock()
			l.left[m.To] = at
			l.mu.Unlock()
		}
	}
}

func (l *ledger) firstTry(to string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.tried[to] = true }()
	return !l.tried[to]
}

// sendLast sends one more campaign to everybody who was ever accepted: those who left must not get it.
func (l *ledger) sendLast(t *testing.T, g *gateway) {
	t.Helper()
	var recipients []recipient
	for to := range l.accepted {
		recipients = append(recipients, recipient{To: to})
	}
	mail := campaignMail()
	mail["subject"], mail["text"], mail["html"] = "Last", "All is new once more.", ""
	if _, err := g.stream(g.Keys["marketing"], mail, recipients); err != nil {
		t.Fatal(err)
	}
}

// judge holds what arrived against the ledger.
func (l *ledger) judge(t *testing.T, got []captured) {
	t.Helper()
	first := map[string]captured{} // by subject and recipient
	var twice, stray, leaked int
	for _, m := range got {
		subject := m.header(t, "Subject")
		if at, left := l.left[m.To]; left && m.Began.After(at) {
			leaked++
			t.Logf("leak: %s about %q began %v after the 200 at %v; kills %v", m.ID, subject, m.Began.Sub(at), at, l.kills)
		}
		before, again := first[subject+m.To]
		if !again {
			first[subject+m.To] = m
			continue
		}
		twice++
		if before.header(t, "Message-Id") != m.header(t, "Message-Id") || !l.nearKill(before.Received) {
			stray++
			t.Logf("second copy outside the window: %s at %v and %v", m.ID, before.Received, m.Received)
		}
	}
	var lost int
	for to := range l.accepted {
		if _, ok := first["Crash"+to]; !ok && !l.tried[to] {
			lost++
		}
		if _, ok := first["Last"+to]; !ok && !l.tried[to] {
			lost++
		}
	}
	t.Logf("%d kills: %d recipients accepted, %d lost, %d opt-outs answered, %d leaked, %d second copies, %d of them outside of the window",
		len(l.kills), len(l.accepted), lost, len(l.left), leaked, twice, stray)
	if lost+leaked+stray > 0 {
		t.Error("a promise is broken")
	}
	if len(l.accepted) == 0 || len(l.left) == 0 {
		t.Error("nothing was accepted, or nobody left: this run shows nothing")
	}
}

// nearKill tells whether a first copy arrived so shortly before a kill that its result could not be on disk: what was in hand, and one result batch of 10 ms
// that waits for a disk shared with everything else here.
func (l *ledger) nearKill(at time.Time) bool {
	for _, k := range l.kills {
		if d := k.Sub(at); d > -time.Second && d < time.Second {
			return true
		}
	}
	return false
}

// awaitEmpty waits until nothing waits in the queue.
func (g *gateway) awaitEmpty(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		res, err := client.Get(g.Private + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		text := readAll(t, res)
		if strings.Contains(text, "\nheed_queue_email_queued_messages 0\n") && strings.Contains(text, "\nheed_queue_email_retrying_messages 0\n") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the queue is not empty after five minutes\n%s", g.log)
		}
	}
}
