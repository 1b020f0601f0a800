package view

import (
	"heed/gateway/internal/batch"
	"heed/gateway/internal/queue"
)

// Message is a message and its history on the wire.
type Message struct {
	ID        string `json:"id"`
	BatchID   string `json:"batch_id"`
	Index     uint32 `json:"index"`
	To        string `json:"to"`
	ClientRef string `json:"client_ref,omitempty"`
	State     string `json:"state"`
	Code      string `json:"code,omitempty"` // why acceptance did not simply take it; later reasons stand in events
	Detail    string `json:"detail,omitempty"`
	Channel   string `json:"channel"`
	Class     string `json:"class"`
	Topic     string `json:"topic,omitempty"`
	Events    []Step `json:"events"`
}

// Step is one line of a message's history.
type Step struct {
	State string `json:"state"`
	Event
}

// OfMessage shows a message of a batch; explain is Segments.Explain. An error means that its head or segment is damaged.
func OfMessage(info queue.Info, entry queue.Entry, events []queue.Event, explain func(code string) string) (Message, error) {
	head, err := batch.DecodeHead(info.Head)
	if err != nil {
		return Message{}, err
	}
	s := Segments{Explain: explain}
	to, err := s.at(entry)
	if err != nil {
		return Message{}, err
	}
	m := Message{
		ID: batch.MessageID(info.ID, entry.Index), BatchID: batch.ID(info.ID).String(), Index: entry.Index, To: string(to.To),
		ClientRef: string(to.ClientRef), State: entry.State.String(), Channel: head.Channel.String(), Class: head.Class.String(),
		Topic: head.Topic, Events: make([]Step, len(events)),
	}
	for i, e := range events {
		m.Events[i] = Step{e.State.String(), ofEvent(e)}
	}
	if len(to.Code) > 0 && len(events) > 0 {
		m.Code, m.Detail = string(to.Code), explain(string(to.Code))
		m.Events[0].Event = s.why(m.Events[0].Event, to) // the first event is the acceptance
	}
	return m, nil
}
