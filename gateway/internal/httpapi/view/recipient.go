package view

import (
	"time"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
)

// Recipient is a recipient on the wire, as it stands.
type Recipient struct {
	Index     uint32 `json:"index"`
	ID        string `json:"id"`
	To        string `json:"to"`
	ClientRef string `json:"client_ref,omitempty"`
	State     string `json:"state"`
	Event
}

// Event is what happened to a recipient.
type Event struct {
	At         time.Time `json:"at,omitzero"`
	Attempt    int       `json:"attempt,omitzero"`
	Code       string    `json:"code,omitempty"`
	Detail     string    `json:"detail,omitempty"`
	ProviderID string    `json:"provider_id,omitempty"`
	RetryAt    time.Time `json:"retry_at,omitzero"`
}

func ofEvent(e queue.Event) Event {
	return Event{utc(e.At), e.Attempt, e.Code, e.Detail, e.ProviderID, utc(e.RetryAt)}
}

// utc keeps the zero time zero, so that omitzero sees it.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// Segments reads recipients out of their segments, and opens each once for entries that follow each other. For one goroutine.
type Segments struct {
	Explain func(code string) string // gives the words for a code that acceptance left

	segment batch.Segment
	open    *byte // first byte of the payload that is open
}

// Recipient shows an entry of a batch. An error means that its segment is damaged.
func (s *Segments) Recipient(id queue.ID, e queue.Entry) (Recipient, error) {
	to, err := s.at(e)
	return Recipient{
		Index: e.Index, ID: batch.MessageID(id, e.Index), To: string(to.To), ClientRef: string(to.ClientRef),
		State: e.State.String(), Event: s.why(ofEvent(e.Last), to),
	}, err
}

// why gives an event that says nothing of its reason the one that acceptance left with the recipient. The queue knows states only.
func (s *Segments) why(e Event, to batch.Recipient) Event {
	if e.Code == "" && e.Detail == "" && len(to.Code) > 0 {
		e.Code, e.Detail = string(to.Code), s.Explain(string(to.Code))
	}
	return e
}

func (s *Segments) at(e queue.Entry) (batch.Recipient, error) {
	if len(e.Payload) == 0 || s.open != &e.Payload[0] {
		if err := s.segment.Open(e.Payload); err != nil {
			return batch.Recipient{}, err
		}
		s.open = &e.Payload[0]
	}
	return s.segment.At(e.At), nil
}
