package sandbox

import (
	"strings"
	"sync"
	"time"
)

// Message is one message to one recipient, as it is shown.
type Message struct {
	ID         string    `json:"id"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	BeganAt    time.Time `json:"began_at"`    // when MAIL FROM or the request arrived
	ReceivedAt time.Time `json:"received_at"` // when it was complete
	Raw        []byte    `json:"raw"`         // the mail's bytes, or the text; base64 in JSON
}

// Limits bounds what is kept; the oldest goes first. Zero takes the default named.
type Limits struct {
	Messages int // 200,000
	Bytes    int // of Raw; 512 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Messages == 0 {
		l.Messages = 200_000
	}
	if l.Bytes == 0 {
		l.Bytes = 512 << 20
	}
	return l
}

// store is a ring of the newest messages, chained by recipient. Positions count from 0 and never come again.
// Invariant: position p, for first <= p < next, lies in ring[(p-base)%limit]; last[key] is the newest position of key that is kept.
type store struct {
	limit Limits
	newID func(position uint64) string

	mu struct {
		sync.RWMutex
		ring              []entry
		base, first, next uint64
		bytes             int
		last              map[string]uint64
	}
}

type entry struct {
	Message
	key      string
	previous uint64 // position of the message before it to the same key, or none
}

const none = ^uint64(0)

func newStore(limit Limits, newID func(uint64) string) *store {
	s := &store{limit: limit.withDefaults(), newID: newID}
	s.mu.last = map[string]uint64{}
	return s
}

// key is the form under which addresses are looked up: letter case and the quotes of a local part do not count (go-smtp drops them).
func key(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at > 1 && address[0] == '"' && address[at-1] == '"' {
		address = strings.ReplaceAll(address[1:at-1], `\`, "") + address[at:]
	}
	return strings.ToLower(address)
}

// add keeps m under a new id and returns it as kept. Cost: constant, but for what must go to make room.
func (s *store) add(m Message) Message {
	k := key(m.To)
	s.mu.Lock()
	defer s.mu.Unlock()
	m.ID = s.newID(s.mu.next)
	for s.mu.first < s.mu.next && (s.kept() >= s.limit.Messages || s.mu.bytes+len(m.Raw) > s.limit.Bytes) {
		s.dropOldest()
	}
	previous, ok := s.mu.last[k]
	if !ok {
		previous = none
	}
	s.place(entry{m, k, previous})
	s.mu.last[k] = s.mu.next
	s.mu.bytes += len(m.Raw)
	s.mu.next++
	return m
}

func (s *store) kept() int { return int(s.mu.next - s.mu.first) }

func (s *store) slot(position uint64) int {
	return int((position - s.mu.base) % uint64(s.limit.Messages))
}

func (s *store) place(e entry) {
	if i := s.slot(s.mu.next); i < len(s.mu.ring) {
		s.mu.ring[i] = e
		return
	}
	s.mu.ring = append(s.mu.ring, e)
}

func (s *store) dropOldest() {
	e := &s.mu.ring[s.slot(s.mu.first)]
	if s.mu.last[e.key] == s.mu.first {
		delete(s.mu.last, e.key)
	}
	s.mu.bytes -= len(e.Raw)
	*e = entry{}
	s.mu.first++
}

// to returns what is kept for address, oldest first. Cost: linear in the answer.
func (s *store) to(address string) []Message {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := []Message{}
	p, ok := s.mu.last[key(address)]
	for ok && p != none && p >= s.mu.first {
		e := &s.mu.ring[s.slot(p)]
		found = append(found, e.Message)
		p = e.previous
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found
}

// page is a part of the list of all messages.
type page struct {
	Count    int       `json:"count"`
	Dropped  uint64    `json:"dropped"`
	Messages []Message `json:"messages"`
	Next     uint64    `json:"next"`
}

// list returns at most n messages from position on.
func (s *store) list(position uint64, n int) page {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := page{Count: s.kept(), Dropped: s.mu.first - s.mu.base, Messages: []Message{}}
	position = min(max(position, s.mu.first), s.mu.next)
	for ; position < s.mu.next && len(p.Messages) < n; position++ {
		p.Messages = append(p.Messages, s.mu.ring[s.slot(position)].Message)
	}
	p.Next = position
	return p
}

// newest returns at most n messages, newest first, and how many are kept.
func (s *store) newest(n int) ([]Message, int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []Message
	for p := s.mu.next; p > s.mu.first && len(found) < n; p-- {
		found = append(found, s.mu.ring[s.slot(p-1)].Message)
	}
	return found, s.kept()
}

// at returns the message at a position, if it is kept.
func (s *store) at(position uint64) (Message, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if position < s.mu.first || position >= s.mu.next {
		return Message{}, false
	}
	return s.mu.ring[s.slot(position)].Message, true
}

// clear forgets all messages, and that any were dropped.
func (s *store) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.ring, s.mu.bytes = nil, 0
	s.mu.base, s.mu.first = s.mu.next, s.mu.next
	s.mu.last = map[string]uint64{}
}
