package transfer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"heed/gateway/internal/queue"
)

// The spaces of the record store, and how their keys are made: tenants and ids hold no NUL.
const (
	jobSpace    = "import"        // tenant NUL id
	rejectSpace = "import-reject" // tenant NUL id NUL chunk
)

// ErrNotFound says that a tenant has no such job.
var ErrNotFound = errors.New("transfer: no such import")

// records is the part of queue.Queue that is needed. Put is one synced commit, all or nothing.
type records interface {
	Put(r ...queue.Record) error
	Get(space, key string) ([]byte, error)
	List(space, after string, limit int) (keys []string, values [][]byte, err error)
}

func jobKey(tenant, id string) string { return tenant + "\x00" + id }

func chunkKey(s *Status, n int) string { return fmt.Sprintf("%s\x00%08d", jobKey(s.Tenant, s.ID), n) }

// maxKept bounds the rejects file of a job. A file with more was the wrong file, or the wrong format; the rest is counted.
const maxKept = 100_000

// save records a job's checkpoint, and in the same commit the rejects it has come upon since the last.
func (r *Runner) save(s *Status, rejects []*RowError) error {
	rejects = rejects[:min(uint64(len(rejects)), maxKept-s.Kept)]
	var commit []queue.Record
	if len(rejects) > 0 {
		commit = append(commit, queue.Record{Space: rejectSpace, Key: chunkKey(s, s.Chunks), Value: rejectLines(rejects), Expires: r.o.Now().Add(2 * r.o.Keep)})
		s.Chunks++
		s.Kept += uint64(len(rejects))
	}
	var expires time.Time
	if !s.Finished.IsZero() {
		expires = s.Finished.Add(r.o.Keep)
	}
	value, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("record import: %w", err)
	}
	commit = append(commit, queue.Record{Space: jobSpace, Key: jobKey(s.Tenant, s.ID), Value: value, Expires: expires})
	return r.o.Records.Put(commit...)
}

// rejectLines is one JSON object a line: line, code, detail.
func rejectLines(rejects []*RowError) []byte {
	var b []byte
	for _, r := range rejects {
		b = fmt.Appendf(b, "{\"line\":%d,\"code\":%q,\"detail\":%q}\n", r.Line, r.Code, remedies[r.Code])
	}
	return b
}

// Status tells how far a tenant's job is. ErrNotFound if it has none of this id, or not any more.
func (r *Runner) Status(tenant, id string) (Status, error) {
	value, err := r.o.Records.Get(jobSpace, jobKey(tenant, id))
	if errors.Is(err, queue.ErrNotFound) {
		return Status{}, ErrNotFound
	}
	if err != nil {
		return Status{}, err
	}
	return parseStatus(value)
}

func parseStatus(value []byte) (s Status, err error) {
	if err := json.Unmarshal(value, &s); err != nil {
		return s, fmt.Errorf("read import's record: %w", err)
	}
	return s, nil
}

// page is how many records are read at once.
const page = 256

// List gives a tenant's jobs from the oldest on.
func (r *Runner) List(tenant string) ([]Status, error) {
	return r.jobs(jobKey(tenant, ""), func(s *Status) bool { return s.Tenant == tenant })
}

// jobs gives the jobs whose keys begin with prefix and for which keep answers true.
func (r *Runner) jobs(prefix string, keep func(*Status) bool) ([]Status, error) {
	var found []Status
	for after := prefix; ; {
		keys, values, err := r.o.Records.List(jobSpace, after, page)
		if err != nil {
			return nil, err
		}
		for i, key := range keys {
			if !strings.HasPrefix(key, prefix) {
				return found, nil
			}
			s, err := parseStatus(values[i])
			if err != nil {
				return nil, err
			}
			if keep(&s) {
				found = append(found, s)
			}
		}
		if len(keys) < page {
			return found, nil
		}
		after = keys[len(keys)-1]
	}
}

// Rejects reads the lines that a job rejected so far, one JSON object a line: {"line":7,"code":"address_syntax","detail":"…"}. It holds at
// most the first 100,000; Status.Rejected counts all.
func (r *Runner) Rejects(tenant, id string) (io.ReadCloser, error) {
	s, err := r.Status(tenant, id)
	if err != nil {
		return nil, err
	}
	return &rejectReader{records: r.o.Records, status: s}, nil
}

// rejectReader reads chunk after chunk.
type rejectReader struct {
	records records
	status  Status
	chunk   int
	rest    []byte
}

func (r *rejectReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.chunk == r.status.Chunks {
			return 0, io.EOF
		}
		chunk, err := r.records.Get(rejectSpace, chunkKey(&r.status, r.chunk))
		if err != nil {
			return 0, fmt.Errorf("read rejects: %w", err)
		}
		r.rest = chunk
		r.chunk++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *rejectReader) Close() error { return nil }
