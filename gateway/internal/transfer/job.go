package transfer

import (
	"context"
	"errors"
	"io"
	"time"

	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// batchRows is how many entries come between two checkpoints, each of which costs a sync, as each Apply does: as many as one Apply takes.
const batchRows = suppression.MaxChanges

// State of a job.
type State string

// The states. A job ends Done or Failed; rows it added before failing stay.
const (
	Queued  State = "queued"
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// Status is how far a job is: its checkpoint, as it is kept on disk.
type Status struct {
	ID       string    `json:"id"`
	Tenant   string    `json:"tenant"`
	State    State     `json:"state"`
	Defaults Defaults  `json:"defaults"`
	Size     int64     `json:"size"` // of the file, bytes
	Mark     Mark      `json:"mark"` // how far it was read
	Created  time.Time `json:"created"`
	Finished time.Time `json:"finished,omitzero"`
	Detail   string    `json:"detail,omitempty"` // why it failed

	Added    uint64            `json:"added"`    // entries now in the list, one per reason and topic of a row
	Rejected uint64            `json:"rejected"` // rows that are not
	Reasons  map[string]uint64 `json:"reasons"`  // of Added, by the reason's name
	Rejects  map[Code]uint64   `json:"rejects"`  // of Rejected
	Chunks   int               `json:"chunks"`   // how many records hold the rejects file
	Kept     uint64            `json:"kept"`     // rejects it holds
}

// list is the part of suppression.List that is needed.
type list interface {
	Apply(ctx context.Context, changes ...suppression.Change) (uint64, error)
}

// importer turns the rows of one file into batches of changes. Plain: its caller applies and records.
type importer struct {
	reader  *Reader
	email   address.Keyer
	sms     address.Keyer
	region  string
	now     time.Time // of rows without a time, and the latest any row may have
	changes []suppression.Change
	rejects []*RowError
	added   [policy.FrequencyCap + 1]uint64
	keys    []address.Key
	form    []byte
}

// batch reads the next batch into i.changes, i.rejects and i.added. io.EOF comes with the last one, which may be empty.
func (i *importer) batch() error {
	i.changes, i.rejects, i.added = i.changes[:0], i.rejects[:0], [len(i.added)]uint64{}
	var e Entry
	for n := 0; n < batchRows || i.reader.Pending(); n++ {
		err := i.reader.Next(&e)
		if err == nil {
			err = i.add(&e)
		}
		if err == nil {
			continue
		}
		rejected, ok := err.(*RowError)
		if !ok {
			return err
		}
		i.rejects = append(i.rejects, rejected)
	}
	return nil
}

// add turns an entry into a change per key that it is stored under.
func (i *importer) add(e *Entry) error {
	if err := i.keysOf(e); err != nil {
		return err
	}
	row := suppression.Row{Reason: e.Reason, Topic: e.Topic, Class: e.Class, AllChannels: e.AllChannels, At: e.At, Source: suppression.ByImport}
	if row.At.IsZero() || row.At.After(i.now) {
		row.At = i.now
	}
	for _, k := range i.keys {
		i.changes = append(i.changes, suppression.Change{Key: k, Op: suppression.Add, Row: row})
	}
	i.added[e.Reason]++
	return nil
}

// keysOf puts the keys of an entry's address into i.keys.
func (i *importer) keysOf(e *Entry) (err error) {
	keyer := &i.email
	switch {
	case e.Keyed:
		i.keys = append(i.keys[:0], e.Key)
		return nil
	case e.Channel == policy.SMS:
		keyer = &i.sms
		i.form, err = address.AppendPhone(i.form[:0], e.Address, i.region)
	default:
		i.form, err = address.AppendEmail(i.form[:0], e.Address)
	}
	if err != nil {
		return &RowError{e.Line, codeOf(err)}
	}
	i.keys = keyer.AppendKeys(i.keys[:0], i.form, policy.Families(e.Reason))
	return nil
}

func codeOf(err error) Code {
	switch {
	case errors.Is(err, address.ErrTooLong):
		return LongAddr
	case err == address.ErrRegion:
		return NoRegion
	}
	return BadAddress
}

// count adds the batch in hand to the job's figures.
func (s *Status) count(i *importer) {
	for reason, n := range i.added {
		if n > 0 {
			s.Reasons[policy.Reason(reason).String()] += n
			s.Added += n
		}
	}
	for _, r := range i.rejects {
		s.Rejects[r.Code]++
	}
	s.Rejected += uint64(len(i.rejects))
	s.Mark = i.reader.Mark()
}

// newImporter opens a job's file where its checkpoint is.
func newImporter(s *Status, file io.ReadSeeker, secret []byte) (*importer, error) {
	reader, err := Resume(file, s.Defaults, s.Mark)
	if err != nil {
		return nil, err
	}
	return &importer{
		reader: reader, region: s.Defaults.Region, now: s.Created,
		email: address.NewKeyer(secret, s.Tenant, policy.Email.String()),
		sms:   address.NewKeyer(secret, s.Tenant, policy.SMS.String()),
	}, nil
}
