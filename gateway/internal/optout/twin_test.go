package optout_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"heed/gateway/internal/optout"
	"heed/gateway/internal/optout/optouttest"
	"heed/suppression"
	"heed/suppression/policy"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// The list in memory that the tests here stand on and the real list give the same answers, and the promises of Stop and Undo
// hold over whole histories: after Stop the row is there, an undo that comes too late lifts nothing, and no undo lifts what
// somebody else made.
func TestDesk_SameAnswersOnTheRealList(t *testing.T) {
	signer, err := optout.NewSigner(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		list, err := suppression.Open("list", suppression.Options{FS: vfs.NewMem(), Secret: bytes.Repeat([]byte("k"), 32), Capacity: 1000})
		if err != nil {
			t.Fatal(err)
		}
		defer list.Close()
		h := &history{twin: new(optouttest.List), real: list, now: noon}
		h.desks[0] = optout.NewDesk(optout.Options{List: h.twin, Signer: signer})
		h.desks[1] = optout.NewDesk(optout.Options{List: h.real, Signer: signer})
		t.Repeat(map[string]func(*rapid.T){
			"stop": h.stop, "undo": h.undo, "stop texts": h.stopTexts, "allow texts": h.allowTexts, "add": h.add, "": h.same,
			"wait": func(t *rapid.T) {
				h.now = h.now.Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "seconds")) * time.Second)
			},
		})
	})
}

// history is one run of acts on both lists.
type history struct {
	twin, real optout.List
	desks      [2]*optout.Desk
	undos      [][2]string
	now        time.Time
}

var keys = []suppression.Key{{1}, {2}, {3}}

func (h *history) stop(t *rapid.T) {
	token := optout.Token{
		Tenant: "acme", Channel: policy.Email, Class: policy.Marketing, Key: keys[rapid.IntRange(0, 1).Draw(t, "key")],
		Topic: rapid.SampledFrom([]string{"", "weekly"}).Draw(t, "topic"),
	}
	if rapid.Bool().Draw(t, "family") {
		token.Family = keys[2]
	}
	by := rapid.SampledFrom([]suppression.Source{suppression.ByPage, suppression.ByOneClick, suppression.ByMail}).Draw(t, "by")
	var undo [2]string
	for i, d := range h.desks {
		var err error
		if undo[i], err = d.Stop(t.Context(), token, by, h.now); err != nil {
			t.Fatal(err)
		}
	}
	if (undo[0] == "") != (undo[1] == "") {
		t.Fatalf("an undo on the twin: %v, on the list: %v", undo[0] != "", undo[1] != "")
	}
	if undo[0] != "" {
		h.undos = append(h.undos, undo)
	}
	rows, _ := h.real.Rows(nil, token.Key)
	for _, row := range rows {
		if row.Topic == token.Topic && (row.Reason == policy.UnsubscribeTopic || row.Reason == policy.UnsubscribeAll) {
			return
		}
	}
	t.Fatalf("stopped, yet the rows are %+v", rows)
}

func (h *history) undo(t *rapid.T) {
	if len(h.undos) == 0 {
		t.Skip("nothing to undo")
	}
	undo := rapid.SampledFrom(h.undos).Draw(t, "undo")
	before := h.rows(t, h.real)
	var errs [2]error
	for i, d := range h.desks {
		errs[i] = d.Undo(t.Context(), undo[i], h.now)
	}
	if errs[0] != errs[1] {
		t.Fatalf("twin: %v, list: %v", errs[0], errs[1])
	}
	after := h.rows(t, h.real)
	if errors.Is(errs[1], optout.ErrExpired) && !cmp.Equal(before, after) {
		t.Fatal("refused and lifted")
	}
	for key, rows := range before {
		if foreign(rows) != foreign(after[key]) {
			t.Fatalf("an act of somebody else was undone: %+v became %+v", rows, after[key])
		}
	}
}

// foreign counts the rows that came by another way than the person's own.
func foreign(rows []suppression.Row) (n int) {
	for _, row := range rows {
		if row.Source == suppression.ByAPI {
			n++
		}
	}
	return n
}

func (h *history) stopTexts(t *rapid.T) {
	for _, d := range h.desks {
		if err := d.StopTexts(t.Context(), keys[0], h.now); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *history) allowTexts(t *rapid.T) {
	for _, d := range h.desks {
		if err := d.AllowTexts(t.Context(), keys[0], once); err != nil {
			t.Fatal(err)
		}
	}
}

// add is an act of somebody else, such as an objection to every channel made by the API.
func (h *history) add(t *rapid.T) {
	change := suppression.Change{Key: rapid.SampledFrom(keys).Draw(t, "key"), Op: suppression.Add, Row: suppression.Row{
		Reason:      rapid.SampledFrom([]policy.Reason{policy.UnsubscribeAll, policy.Complaint, policy.ManualBlock}).Draw(t, "reason"),
		AllChannels: rapid.Bool().Draw(t, "all channels"), Source: suppression.ByAPI, At: h.now,
	}}
	for _, l := range []optout.List{h.twin, h.real} {
		if _, err := l.Apply(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *history) same(t *rapid.T) {
	if diff := cmp.Diff(h.rows(t, h.twin), h.rows(t, h.real), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(suppression.Row{}, "Position"),
		cmpopts.SortSlices(func(a, b suppression.Row) bool {
			return a.Reason < b.Reason || a.Reason == b.Reason && a.Topic < b.Topic
		})); diff != "" {
		t.Fatalf("-twin +list:\n%s", diff)
	}
}

func (h *history) rows(t *rapid.T, l optout.List) map[suppression.Key][]suppression.Row {
	all := map[suppression.Key][]suppression.Row{}
	for _, key := range keys {
		rows, err := l.Rows(nil, key)
		if err != nil {
			t.Fatal(err)
		}
		all[key] = rows
	}
	return all
}
