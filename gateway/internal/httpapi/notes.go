package httpapi

import (
	"encoding/hex"
	"errors"

	"heed/gateway/internal/httpapi/view"
	"heed/gateway/internal/queue"
	"heed/suppression"
	"heed/suppression/policy"
)

// noteSpace holds why addresses were blocked by hand, under the keys of their rows, in which there is no place for a text.
const noteSpace = "block-note"

// note is the text to a manual_block.
type note struct {
	keys []suppression.Key
	text string
}

// keepNotes puts notes on stable storage. They come before their rows: a note without a block is shown to nobody, and a block without its
// note may not be. They stay when the block is lifted, as what was said at the time, until the next block replaces them.
func (s *Server) keepNotes(notes []note) error {
	var records []queue.Record
	for _, n := range notes {
		for _, key := range n.keys {
			records = append(records, queue.Record{Space: noteSpace, Key: hex.EncodeToString(key[:]), Value: []byte(n.text)})
		}
	}
	if records == nil {
		return nil
	}
	return s.o.Queue.Put(records...)
}

// withNotes adds the note to the blocks among an address's rows.
func (s *Server) withNotes(rows []view.Row, keys []suppression.Key) ([]view.Row, error) {
	for i := range rows {
		if rows[i].Reason != policy.ManualBlock.String() {
			continue
		}
		text, err := s.noteOf(keys)
		if err != nil {
			return nil, err
		}
		rows[i].Note = text
	}
	return rows, nil
}

// noteOf gives the note of the first key that has one; "" for a block that was imported.
func (s *Server) noteOf(keys []suppression.Key) (string, error) {
	for _, key := range keys {
		text, err := s.o.Queue.Get(noteSpace, hex.EncodeToString(key[:]))
		if err == nil || !errors.Is(err, queue.ErrNotFound) {
			return string(text), err
		}
	}
	return "", nil
}
