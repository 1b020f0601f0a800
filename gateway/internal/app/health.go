package app

import (
	"fmt"
	"sync"
	"time"
)

// health remembers the latest fault of each place, for /readyz and for a log that does not drown. The zero value is ready.
type health struct {
	mu     sync.Mutex
	places map[string]*place
}

type place struct {
	err     error
	at      time.Time
	logged  time.Time
	dropped int
}

// fatal places tell of trouble once, when they have failed for good; the process ends soon after.
var fatal = map[string]bool{"queue": true}

const (
	logEvery   = 10 * time.Second
	remembered = time.Minute // how long a route's latest fault is shown
)

func (h *health) note(where string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place(where)
	p.err, p.at = err, time.Now()
}

// place finds a place's entry. Requires: mu is held.
func (h *health) place(where string) *place {
	if h.places == nil {
		h.places = map[string]*place{}
	}
	if h.places[where] == nil {
		h.places[where] = &place{}
	}
	return h.places[where]
}

// mayLog allows one line a place in logEvery, and tells how many were dropped since the last.
func (h *health) mayLog(where string, now time.Time) (dropped int, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.place(where)
	if now.Sub(p.logged) < logEvery {
		p.dropped++
		return 0, false
	}
	dropped, p.dropped, p.logged = p.dropped, 0, now
	return dropped, true
}

// report says what keeps the gateway from its work (the stores), and what else went wrong lately.
func (h *health) report() (reasons, notes []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for where, p := range h.places {
		line := fmt.Sprintf("%s: %v", where, p.err)
		switch {
		case fatal[where]:
			reasons = append(reasons, line)
		case time.Since(p.at) < remembered:
			notes = append(notes, line)
		}
	}
	return reasons, notes
}
