package httpapi

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"sync"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/query"
	"heed/gateway/internal/httpapi/strictjson"
	"heed/gateway/internal/httpapi/view"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/queue"
)

// limits bound JSON send calls; recipients of NDJSON calls are bounded by nothing but the disk.
func (s *Server) limits() batchjson.Limits {
	return batchjson.Limits{Recipients: s.o.BatchRecipients, Depth: strictjson.MaxDepth}
}

// decoders are reused: one holds the index of up to 10,000 recipients.
var decoders = sync.Pool{New: func() any { return &batchjson.Decoder{} }}

const (
	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
	typeJSONL  = "application/jsonl"
)

// createBatch is POST /v1/batches.
func (s *Server) createBatch(c *call) error {
	kind, err := c.needType(typeJSON, typeNDJSON, typeJSONL)
	if err != nil {
		return err
	}
	in, err := c.sendCall()
	if err != nil {
		return err
	}
	if kind == typeJSON {
		return s.wholeBatch(c, in)
	}
	return s.streamedBatch(c, in)
}

// sendCall reads how a batch is handed in.
func (c *call) sendCall() (in intake.Call, err error) {
	in.Principal = c.principal
	if in.DryRun, err = c.query.Flag("dry_run"); err != nil {
		return in, err
	}
	validation, err := c.query.OneOf("validation", "permissive", "strict")
	if err != nil {
		return in, err
	}
	in.Strict = validation == "strict"
	in.Results, err = c.query.OneOf("results", "", "all", "none")
	return in, err
}

func (s *Server) wholeBatch(c *call, in intake.Call) error {
	raw, err := c.readBody(s.o.BatchBytes)
	if err != nil {
		return err
	}
	return s.once(c, in, raw, func(in intake.Call) (*intake.Answer, error) {
		d := decoders.Get().(*batchjson.Decoder)
		defer decoders.Put(d)
		if err := d.Batch(raw, s.limits()); err != nil {
			return nil, err
		}
		return s.o.Intake.Accept(c.context(), in, &d.Shared, d.Recipients)
	})
}

// once takes a call whose body is in memory, or answers it from the record of its idempotency key. It digests the body before accept
// sees it: decoding changes it in place.
func (s *Server) once(c *call, in intake.Call, body []byte, accept func(intake.Call) (*intake.Answer, error)) error {
	key, err := c.idempotencyKey()
	if err != nil {
		return err
	}
	if key == "" || in.DryRun {
		return c.deliver(accept(in))
	}
	in.Idempotency = c.identity(key, sha256.Sum256(body))
	return s.replayed(c, in, func() (*intake.Answer, error) { return accept(in) })
}

// replayed answers from the record of the call's key, or lets accept do the work.
func (s *Server) replayed(c *call, in intake.Call, accept func() (*intake.Answer, error)) error {
	recorded, done, err := s.o.Intake.Replay(in)
	if err != nil || recorded != nil {
		return c.deliver(recorded, err)
	}
	defer done()
	return c.deliver(accept())
}

// deliver answers with what the intake says.
func (c *call) deliver(a *intake.Answer, err error) error {
	if err != nil {
		return err
	}
	if a.Replay {
		c.header("Idempotent-Replayed", "true")
	}
	c.respond(a.Status, typeJSON, a.Body)
	return nil
}

// getBatch is GET /v1/batches/{id}.
func (s *Server) getBatch(c *call) error {
	info, err := s.batchOf(c)
	if err != nil {
		return err
	}
	return c.respondBatch(info)
}

func (c *call) respondBatch(info queue.Info) error {
	v, err := view.OfBatch(info)
	if err != nil {
		return err
	}
	return c.respondJSON(200, v)
}

// batchOf reads the batch that the path names. Another tenant's is not found, as one that never was.
func (s *Server) batchOf(c *call) (queue.Info, error) {
	id, err := batch.ParseID(c.params[0])
	if err != nil {
		return queue.Info{}, err
	}
	return s.ownBatch(c, id)
}

func (s *Server) ownBatch(c *call, id batch.ID) (queue.Info, error) {
	info, err := s.o.Queue.Batch(id)
	if err == nil && info.Tenant != c.principal.Tenant {
		err = queue.ErrNotFound
	}
	return info, err
}

func (s *Server) pauseBatch(c *call) error  { return s.control(c, queue.Paused) }
func (s *Server) resumeBatch(c *call) error { return s.control(c, queue.Running) }
func (s *Server) cancelBatch(c *call) error { return s.control(c, queue.Stopped) }

// control is POST /v1/batches/{id}/pause, resume and cancel; asking for what is so already is no error.
func (s *Server) control(c *call, want queue.Control) error {
	info, err := s.batchOf(c)
	if err != nil {
		return err
	}
	if info.Control == queue.Stopped && want != queue.Stopped {
		return problem.New("conflict", "The batch is cancelled, which cannot be undone.")
	}
	if err := s.o.Queue.SetControl(info.ID, want); err != nil {
		return err
	}
	if info, err = s.batchOf(c); err != nil {
		return err
	}
	return c.respondBatch(info)
}

// listRecipients is GET /v1/batches/{id}/recipients.
func (s *Server) listRecipients(c *call) error {
	info, err := s.batchOf(c)
	if err != nil {
		return err
	}
	state, from, limit, err := c.recipientsQuery()
	if err != nil {
		return err
	}
	list, next, more, err := s.o.Queue.Recipients(info.ID, state, from, limit)
	if err != nil {
		return err
	}
	out := query.Listing[view.Recipient]{Data: make([]view.Recipient, len(list)), More: more}
	if more {
		out.Next = strconv.FormatUint(uint64(next), 10)
	}
	segments := view.Segments{Explain: intake.Explain}
	for i, e := range list {
		if out.Data[i], err = segments.Recipient(info.ID, e); err != nil {
			return err
		}
	}
	return c.respondJSON(200, out)
}

// stateNames are the states that a list may be narrowed to.
var stateNames = func() string {
	var names []string
	for s := queue.Queued; int(s) < len(queue.Counts{}); s++ {
		names = append(names, s.String())
	}
	return strings.Join(names, ", ")
}()

func (c *call) recipientsQuery() (state queue.State, from uint32, limit int, err error) {
	if name := c.query["state"]; name != "" {
		var ok bool
		if state, ok = queue.ParseState(name); !ok {
			return 0, 0, 0, problem.Parameter("state", "Use one of "+stateNames+".")
		}
	}
	if after := c.query["after"]; after != "" {
		n, err := strconv.ParseUint(after, 10, 32)
		if err != nil {
			return 0, 0, 0, problem.Parameter("after", "Use the value of next of the page before.")
		}
		from = uint32(n)
	}
	limit, err = c.query.Limit()
	return state, from, limit, err
}
