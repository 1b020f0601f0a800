package httpapi

import (
	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/httpapi/view"
	"heed/gateway/internal/intake"
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
		if err := d.Message(raw, s.limits()); err != nil {
			return nil, err
		}
		return s.o.Intake.AcceptOne(c.context(), in, &d.Shared, d.Recipients[0])
	})
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
	v, err := view.OfMessage(info, entry, events, intake.Explain)
	if err != nil {
		return err
	}
	return c.respondJSON(200, v)
}
