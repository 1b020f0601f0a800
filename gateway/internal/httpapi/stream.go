package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"time"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/httpapi/ndjson"
	"heed/gateway/internal/httpapi/problem"
	"heed/gateway/internal/httpapi/strictjson"
	"heed/gateway/internal/intake"
)

// batchBlock is the longest line of a batch: its first holds a whole mail.
const batchBlock = 2 << 20

// maxStreams is how many NDJSON batches are taken in at a time: each remembers up to 64 MiB of recipients, to find duplicates.
const maxStreams = 16

func errManyStreams() error {
	p := problem.New("busy", "As many NDJSON batches as may be are coming in; try again in a moment.")
	p.RetryAfter = time.Second
	return p
}

// streamedBatch is POST /v1/batches with NDJSON: line 1 the shared part, then a recipient a line, in bounded memory. Nothing of it can be
// sent before the last line was read and the whole was committed.
func (s *Server) streamedBatch(c *call, in intake.Call) error {
	key, err := c.idempotencyKey()
	if err != nil {
		return err
	}
	if key == "" || in.DryRun {
		b, err := c.openBody(0)
		if err != nil {
			return err
		}
		return c.deliver(s.takeLines(c, in, b, nil))
	}
	return s.streamedOnce(c, in, key)
}

// streamedOnce takes a stream with an idempotency key. The key's record is asked before the stream is worked on, so the body's digest must
// be known: the caller declares it (RFC 9530), or the body is short enough to be held.
func (s *Server) streamedOnce(c *call, in intake.Call, key string) error {
	declared, ok, err := c.declaredDigest()
	if err != nil {
		return err
	}
	if !ok {
		return s.heldOnce(c, in, key)
	}
	in.Idempotency = c.identity(key, declared)
	return s.replayed(c, in, func() (*intake.Answer, error) {
		hash := sha256.New()
		b, err := c.openHashed(0, hash)
		if err != nil {
			return nil, err
		}
		return s.takeLines(c, in, b, func() error {
			if !bytes.Equal(hash.Sum(nil), declared[:]) {
				return problem.New("digest_mismatch", "The body is not the one that Content-Digest names.")
			}
			return nil
		})
	})
}

func (s *Server) heldOnce(c *call, in intake.Call, key string) error {
	raw, err := c.readBody(s.o.BatchBytes)
	var p *problem.Problem
	if errors.As(err, &p) && p.Code == "body_too_large" {
		return problem.New("digest_required", "The body is too long to be held; send Content-Digest.")
	}
	if err != nil {
		return err
	}
	in.Idempotency = c.identity(key, sha256.Sum256(raw))
	return s.replayed(c, in, func() (*intake.Answer, error) {
		held := c.buffer
		c.buffer = nil
		defer held.Release()
		return s.takeLines(c, in, bytes.NewReader(raw), nil)
	})
}

// takeLines hands a stream to the intake. complete, if set, has the last word before the commit.
func (s *Server) takeLines(c *call, in intake.Call, body io.Reader, complete func() error) (*intake.Answer, error) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return nil, errManyStreams()
	}
	l, err := c.openLines(body, batchBlock)
	if err != nil {
		return nil, err
	}
	d := decoders.Get().(*batchjson.Decoder)
	defer decoders.Put(d)
	if err := readHead(d, l); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(s.base)
	defer cancel()
	st, err := s.o.Intake.Open(ctx, in, &d.Shared)
	if err != nil {
		return nil, err
	}
	defer st.Abort()
	if err := addLines(st, d, l); err != nil {
		return nil, err
	}
	if complete != nil {
		if err := complete(); err != nil {
			return nil, err
		}
	}
	return st.Commit()
}

// readHead reads the shared part from the first line.
func readHead(d *batchjson.Decoder, l *ndjson.Lines) error {
	line, err := l.First()
	if err != nil {
		return err
	}
	return d.Head(line, lineLimits)
}

// most is how many recipients are handed on at a time.
const most = 10_000

var lineLimits = batchjson.Limits{Recipients: most, Depth: strictjson.MaxDepth}

// addLines reads the recipients and hands them on, a block at a time.
func addLines(st Stream, d *batchjson.Decoder, l *ndjson.Lines) error {
	for {
		for line, ok := l.Next(); ok; line, ok = l.Next() {
			if err := d.Line(line, l.Line(), lineLimits); err != nil {
				return err
			}
			if len(d.Recipients) == most {
				if err := handOn(st, d); err != nil {
					return err
				}
			}
		}
		if err := handOn(st, d); err != nil { // before the block they lie in is filled anew
			return err
		}
		if err := l.FillBlock(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func handOn(st Stream, d *batchjson.Decoder) error {
	if len(d.Recipients) == 0 {
		return nil
	}
	err := st.Add(d.Recipients)
	d.Recipients = d.Recipients[:0]
	return err
}
