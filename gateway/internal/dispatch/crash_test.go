package dispatch

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"heed/gateway/internal/message"
	"heed/gateway/internal/queue"
	"heed/senders"
)

func testSigner(t testing.TB) *message.Signer {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	must(t, err)
	s, err := message.NewSigner([]message.SigningKey{{Domain: "example.com", Selector: "s1", PEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})}})
	must(t, err)
	return s
}

// moment is what a crash leaves behind, and what the world knew of it.
type moment struct {
	disk    *vfs.MemFS
	durable map[uint32]bool // recorded as sent and synced before the disk was taken
	begun   []handed        // every transaction begun by then
}

// crashAt runs a campaign and takes the disk at the nth hand-off, with that transaction open.
func crashAt(t *testing.T, people, nth, unsynced int) (m moment) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	w := newWorldOn(t, disk)
	signer := testSigner(t)
	w.o.Sign = func(string) *message.Signer { return signer }
	w.accept(campaign(people))
	var n atomic.Int32
	var mu sync.Mutex
	w.sender.answer = func(context.Context, *senders.Message, int) error {
		runtime.Gosched()
		switch int(n.Add(1)) {
		case nth - 20: // some results become durable, those that follow perhaps not
			mu.Lock()
			defer mu.Unlock()
			m.durable = w.durable(people)
		case nth:
			mu.Lock()
			defer mu.Unlock()
			m.disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rand.New(rand.NewPCG(uint64(nth), 2))})
			m.begun = w.sender.handOffs()
		}
		return nil
	}
	stop := w.run()
	w.settled(queue.ID{1})
	stop()
	return m
}

// durable are those recorded as sent, for certain: what is listed between two flushes had been written before the second.
func (w *world) durable(people int) map[uint32]bool {
	flush := func() {
		if err := w.queue.Flush(context.Background()); err != nil {
			w.t.Errorf("flush: %v", err)
		}
	}
	flush()
	entries, _, _, err := w.queue.Recipients(queue.ID{1}, queue.Sent, 0, people)
	flush()
	if err != nil {
		w.t.Errorf("list: %v", err)
	}
	set := map[uint32]bool{}
	for _, e := range entries {
		set[e.Index] = true
	}
	return set
}

// P3: the process dies at a random hand-off. Afterwards everybody gets the message; it goes twice only to those whose result was not yet
// synced when the process died, and then byte for byte the same, signature included.
func TestP3_TwiceOnlyWhatWasNotSyncedAndWithTheSameBytes(t *testing.T) {
	const people = 400
	twice, synced := 0, 0
	for round, unsynced := range []int{0, 50, 100, 0, 50, 100} {
		m := crashAt(t, people, 60*(round+1), unsynced)
		w := newWorldOn(t, m.disk)
		signer := testSigner(t)
		w.o.Sign = func(string) *message.Signer { return signer }
		stop := w.run()
		if c := w.settled(queue.ID{1}); c[queue.Sent] != people {
			t.Fatalf("after the restart: %v", c)
		}
		stop()
		before := map[string]handed{}
		for _, h := range m.begun {
			before[h.to] = h
		}
		after := map[string]int{}
		for _, h := range w.sender.handOffs() {
			after[h.to]++
			if first, again := before[h.to]; again {
				twice++
				if first.body != h.body || first.id != h.id || first.from != h.from || len(h.body) < 200 {
					t.Errorf("the second message differs:\n%s\n%s", first.body, h.body)
				}
			}
		}
		for i := range people {
			_, sent := before[mailbox(i)]
			switch n := after[mailbox(i)]; {
			case n > 1 || n == 0 && !sent:
				t.Errorf("recipient %d: sent before: %v, %d times after", i, sent, n)
			case n > 0 && m.durable[uint32(i)]:
				t.Errorf("recipient %d was sent again though its result had been synced", i)
			}
		}
		synced += len(m.durable)
	}
	if twice == 0 || synced == 0 {
		t.Errorf("nothing crashed in between: %d went twice, %d results were synced", twice, synced)
	}
	t.Logf("%d went twice; %d results had been synced", twice, synced)
}

// P3: a retry is the same message, byte for byte, however much later.
func TestP3_ARetryHasTheSameBytes(t *testing.T) {
	inBubble(t, func(w *world) {
		signer := testSigner(t)
		w.o.Sign = func(string) *message.Signer { return signer }
		w.o.Retry = Retry{Least: 24 * time.Hour, Max: 24 * time.Hour, Tries: 3}
		w.sender.answer = func(context.Context, *senders.Message, int) error {
			return &senders.Error{Class: senders.Temporary, Code: "4.2.0"}
		}
		w.accept(campaign(3))
		w.run()
		w.settled(queue.ID{1})
		first := map[string]handed{}
		for _, h := range w.sender.handOffs() {
			old, again := first[h.to]
			if again && (old.body != h.body || old.id != h.id || old.from != h.from) {
				t.Errorf("try after try differs:\n%s\n%s", old.body, h.body)
			}
			first[h.to] = h
		}
		if n := len(w.sender.handOffs()); n != 9 || len(first) != 3 || !strings.Contains(first[mailbox(0)].body, "DKIM-Signature") {
			t.Errorf("%d hand-offs to %d:\n%s", n, len(first), first[mailbox(0)].body)
		}
	})
}
