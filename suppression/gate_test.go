package suppression

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"heed/suppression/internal/store"
)

func added(keys ...Key) (changes []store.Change) {
	for _, k := range keys {
		changes = append(changes, store.Change{Key: k, Entry: store.Entry{Reason: 1, Added: 1}})
	}
	return changes
}

func TestGate_WaitsForThoseBeforeAndNotForThoseAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.init()
		key := Key{1}
		first, second := g.announce(&key), g.announce(&key)
		g.began(&key, first)
		g.began(&key, second)
		done := make(chan time.Duration)
		start := time.Now()
		go func() {
			if err := g.wait(added(key), time.Hour); err != nil {
				t.Error(err)
			}
			done <- time.Since(start)
		}()
		synctest.Wait()
		g.announce(&key) // never begins and never ends
		time.Sleep(time.Second)
		g.end(&key, second)
		time.Sleep(time.Second)
		g.end(&key, first)
		if took := <-done; took != 2*time.Second {
			t.Errorf("waited %v", took)
		}
	})
}

func TestGate_GivesUpOnThoseThatHaveBegunAfterTheLimitAllKeysTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.init()
		keys := []Key{{1}, {2}, {3}}
		for i := range keys {
			g.began(&keys[i], g.announce(&keys[i]))
		}
		start := time.Now()
		if err := g.wait(added(keys...), 2*time.Second); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("waited %v", took)
		}
		if err := g.wait(added(keys...), -1); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("a negative limit waited: %v, %v", time.Since(start), err)
		}
	})
}

// P1: a hand-off that has passed its check and not begun yet could still begin, so no success may be told while it is open, however long that takes.
func TestGate_NeverGivesUpOnOneThatHasNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.init()
		key := Key{1}
		ticket := g.announce(&key)
		start := time.Now()
		go func() {
			time.Sleep(5 * time.Second) // a machine out of breath
			g.began(&key, ticket)
		}()
		if err := g.wait(added(key), 2*time.Second); err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("waited %v for a first byte after 5s: %v", time.Since(start), err)
		}
		g.announce(&key)
		for _, limit := range []time.Duration{-1, 2 * time.Second} {
			start = time.Now()
			if err := g.wait(added(key), limit); !errors.Is(err, ErrHandoff) || time.Since(start) != beginWait {
				t.Errorf("limit %v: success after %v though a hand-off may yet begin: %v", limit, time.Since(start), err)
			}
		}
	})
}
