package httpapi

import (
	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/queue"
)

// createMessage is POST /v1/messages.
func (s *Server) createMessage(c *call) error {
	if _, err := c.needType(typeJSON); err != nil {
		return err
	}
	in, err := c.sendCall()
	if err != nil {
		return err
	}
	raw, err := c.readBody(c.route.limit)
	if err != nil {
		return err
	}
	return s.once(c, in, raw, func(in intake.Call) (*intake.Answer, error) {
		d := decoders.Get().(*batchjson.Decoder)
		defer decoders.Put(d)
		if err := d.Message(raw, limits); err != nil {
			return nil, err
		}
		return s.o.Intake.AcceptOne(c.context(), in, &d.Shared, d.Recipients[0])
	})
}

// messageView is a message and its history on the wire.
type messageView struct {
	ID        string         `json:"id"`
	BatchID   string         `json:"batch_id"`
	Index     uint32         `json:"index"`
	To        string         `json:"to"`
	ClientRef string         `json:"client_ref,omitempty"`
	State     string         `json:"state"`
	Channel   string         `json:"channel"`
	Class     string         `json:"class"`
	Topic     string         `json:"topic,omitempty"`
	Events    []timelineView `json:"events"`
}

// timelineView is one line of a message's history.
type timelineView struct {
	State string `json:"state"`
	eventView
}

// getMessage is GET /v1/messages/{id}: why it was sent, or was not.
func (s *Server) getMessage(c *call) error {
	id, index, err := batch.ParseMessageID(c.params[0])
	if err != nil {
		return err
	}
	info, err := s.ownBatch(c, id)
	if err != nil {
		return err
	}
	entry, events, err := s.o.Queue.Timeline(id, index)
	if err != nil {
		return err
	}
	return c.respondMessage(info, entry, events)
}

func (c *call) respondMessage(info queue.Info, entry queue.Entry, events []queue.Event) error {
	head, err := batch.DecodeHead(info.Head)
	if err != nil {
		return err
	}
	var reader segmentReader
	to, err := reader.recipient(entry)
	if err != nil {
		return err
	}
	view := messageView{
		ID: batch.MessageID(info.ID, entry.Index), BatchID: batch.ID(info.ID).String(), Index: entry.Index, To: string(to.To),
		ClientRef: string(to.ClientRef), State: entry.State.String(), Channel: head.Channel.String(), Class: head.Class.String(),
		Topic: head.Topic, Events: make([]timelineView, len(events)),
	}
	for i, e := range events {
		view.Events[i] = timelineView{e.State.String(), viewEvent(e)}
	}
	return c.respondJSON(200, view)
}
