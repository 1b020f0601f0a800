package httpapi

import (
	"context"
	"io"
	"time"

	"heed/gateway/internal/batchjson"
	"heed/gateway/internal/catalog"
	"heed/gateway/internal/intake"
	"heed/gateway/internal/queue"
	"heed/suppression"
)

// Intake is the part of intake.Intake that is needed here; see FromIntake.
type Intake interface {
	Replay(c intake.Call) (*intake.Answer, func(), error)
	Accept(ctx context.Context, c intake.Call, s *batchjson.Shared, r []batchjson.Recipient) (*intake.Answer, error)
	AcceptOne(ctx context.Context, c intake.Call, s *batchjson.Shared, r batchjson.Recipient) (*intake.Answer, error)
	Open(ctx context.Context, c intake.Call, s *batchjson.Shared) (Stream, error)
}

// Stream is the part of intake.Stream that is needed here.
type Stream interface {
	Add(r []batchjson.Recipient) error
	Commit() (*intake.Answer, error)
	Abort()
}

// FromIntake fits the intake to the interface, whose Open answers an interface in turn.
func FromIntake(in *intake.Intake) Intake { return fitted{in} }

type fitted struct{ *intake.Intake }

func (f fitted) Open(ctx context.Context, c intake.Call, s *batchjson.Shared) (Stream, error) {
	return f.Intake.Open(ctx, c, s)
}

// Queue is the part of queue.Queue that is needed here.
type Queue interface {
	Batch(id queue.ID) (queue.Info, error)
	SetControl(id queue.ID, c queue.Control) error
	Recipients(id queue.ID, s queue.State, from uint32, limit int) (list []queue.Entry, next uint32, more bool, err error)
	Timeline(id queue.ID, index uint32) (queue.Entry, []queue.Event, error)
	// Put writes records; Get is queue.ErrNotFound without one. They hold the notes of blocks.
	Put(records ...queue.Record) error
	Get(space, key string) ([]byte, error)
}

// List is the part of suppression.List that is needed here.
type List interface {
	Apply(ctx context.Context, changes ...suppression.Change) (uint64, error)
	CheckBatch(ctx context.Context, keys []suppression.Key, hit []bool) error
	Rows(dst []suppression.Row, key suppression.Key) ([]suppression.Row, error)
	Scan(ctx context.Context, after suppression.Key, fn func(suppression.Key, []suppression.Row) bool) error
	Position() uint64
}

// Catalog is the part of catalog.Catalog that is needed here.
type Catalog interface {
	PutTopic(tenant string, t catalog.Topic) (catalog.Topic, error)
	Topic(tenant, id string) (catalog.Topic, error)
	Topics(tenant, after string, limit int) ([]catalog.Topic, error)
	ArchiveTopic(tenant, id string) error
	PutTemplate(tenant string, t catalog.Template) (catalog.Template, error)
	Template(tenant, id string, version int) (catalog.Template, error)
	Templates(tenant, after string, limit int) ([]catalog.Template, error)
	Approve(tenant, id string, version int, by string, closing bool) (catalog.Template, error)
}

// Transfer moves whole lists in and out. Jobs of other tenants are transfer.ErrNotFound; files that cannot be read are transfer.ErrFormat.
type Transfer interface {
	// Import keeps the body and starts a job that works on it. It returns when the body is on stable storage.
	Import(ctx context.Context, in ImportOrder, body io.Reader) (ImportJob, error)
	ImportJob(tenant, id string) (ImportJob, error)
	ImportJobs(tenant, after string, limit int) ([]ImportJob, error)
	// Rejects reads the rows that were not taken, as NDJSON.
	Rejects(tenant, id string) (io.ReadCloser, error)
	// Export writes the list as it stands; format is "ndjson" or "csv".
	Export(ctx context.Context, tenant, format string, w io.Writer) error
}

// ImportOrder says what is imported.
type ImportOrder struct {
	Tenant  string
	Format  string // one of formats
	Channel string // of files that do not say; "" = email
	Reason  string // of files that do not say; "" = the format's own
	Topic   string
	Keys    bool // rows may name their address by key, as exports do: a key names any tenant's
}

// ImportJob is an import as it stands.
type ImportJob struct {
	ID       string            `json:"id"`
	Format   string            `json:"format"`
	Status   string            `json:"status"` // queued, running, done, failed
	Created  time.Time         `json:"created"`
	Finished time.Time         `json:"finished,omitzero"`
	Bytes    int64             `json:"bytes"`
	BytesIn  int64             `json:"bytes_read"`
	Rows     uint64            `json:"rows"`
	Added    uint64            `json:"added"`
	Rejected uint64            `json:"rejected"`
	Reasons  map[string]uint64 `json:"reasons,omitempty"` // rows taken, per reason
	Detail   string            `json:"detail,omitempty"`  // why it failed
}
