package suppression

import (
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
		first, second := g.begin(&key), g.begin(&key)
		done := make(chan time.Duration)
		start := time.Now()
		go func() {
			g.wait(added(key), time.Hour)
			done <- time.Since(start)
		}()
		synctest.Wait()
		g.begin(&key) // never ends
		time.Sleep(time.Second)
		g.end(&key, second)
		time.Sleep(time.Second)
		g.end(&key, first)
		if took := <-done; took != 2*time.Second {
			t.Errorf("waited %v", took)
		}
	})
}

func TestGate_GivesUpAfterTheLimitAllKeysTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.init()
		keys := []Key{{1}, {2}, {3}}
		for i := range keys {
			g.begin(&keys[i])
		}
		start := time.Now()
		g.wait(added(keys...), 2*time.Second)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("waited %v", took)
		}
		g.wait(added(keys...), -1)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("a negative limit waited: %v", took)
		}
	})
}
