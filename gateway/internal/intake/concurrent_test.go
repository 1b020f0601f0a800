package intake

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// Calls at the same time share memory through the pool, and nothing else.
func TestAccept_CallsAtTheSameTimeDoNotMix(t *testing.T) {
	var serial struct {
		sync.Mutex
		n byte
	}
	list := &every{n: 10, rows: nil}
	f := setup(t, func(o *Options) {
		o.List = list
		o.Random = func() (r [10]byte) {
			serial.Lock()
			defer serial.Unlock()
			serial.n++
			r[9] = serial.n
			return r
		}
	})
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for w := range ids {
		wg.Go(func() {
			r := campaign(100 + 300*(w%4))
			for i := range r {
				r[i].To = fmt.Appendf(nil, "w%d.u%d@example.org", w, i)
			}
			a, err := f.Accept(t.Context(), f.call, mail(), r)
			if err != nil {
				t.Error(err)
				return
			}
			ids[w] = strings.Split(string(a.Body), `"`)[3]
		})
	}
	wg.Wait()
	for w, id := range ids {
		list := f.stored(id)
		if len(list) != 100+300*(w%4) {
			t.Fatalf("call %d: %d recipients", w, len(list))
		}
		for i, got := range list {
			if want := fmt.Sprintf("queued w%d.u%d@example.org", w, i); !strings.HasPrefix(got, want) {
				t.Fatalf("call %d: %q, want %q", w, got, want)
			}
		}
	}
}
