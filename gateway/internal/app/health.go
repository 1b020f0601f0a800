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

// fatal places are stores: their faults last until the process is started anew.
var fatal = map[string]bool{"queue": true, "list": true}

const (
	logEvery   = 10 * time.Second
	remembered = time.Minute // how long a route's latest fault makes the gateway "not ready"
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

// reasons says why the gateway is not ready.
func (h *health) reasons() (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for where, p := range h.places {
		if p.err != nil && (fatal[where] || time.Since(p.at) < remembered) {
			list = append(list, fmt.Sprintf("%s: %v", where, p.err))
		}
	}
	return list
}
