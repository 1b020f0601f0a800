package optout_test

import (
	"bytes"
	"context"
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
)

var (
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	key    = suppression.Key{1}
	family = suppression.Key{2}
)

// desk is a desk over a list in memory.
type desk struct {
	*optout.Desk
	t      *testing.T
	list   optouttest.List
	signer *optout.Signer
}

func newDesk(t *testing.T) *desk {
	signer, err := optout.NewSigner(bytes.Repeat([]byte("s"), 32))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, signer: signer}
	d.Desk = optout.NewDesk(optout.Options{List: &d.list, Signer: signer})
	return d
}

func (d *desk) stop(t optout.Token, by suppression.Source, at time.Time) string {
	d.t.Helper()
	undo, err := d.Stop(d.t.Context(), t, by, at)
	if err != nil {
		d.t.Fatal(err)
	}
	return undo
}

func (d *desk) undo(token string, at time.Time, want error) {
	d.t.Helper()
	if err := d.Undo(d.t.Context(), token, at); !errors.Is(err, want) {
		d.t.Fatalf("undo: %v, want %v", err, want)
	}
}

func (d *desk) apply(c suppression.Change) {
	d.t.Helper()
	if _, err := d.list.Apply(d.t.Context(), c); err != nil {
		d.t.Fatal(err)
	}
}

// holds checks the rows of a key, their positions apart.
func (d *desk) holds(k suppression.Key, want ...suppression.Row) {
	d.t.Helper()
	got, err := d.list.Rows(nil, k)
	if err != nil {
		d.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(suppression.Row{}, "Position")); diff != "" {
		d.t.Fatalf("rows of %x (-want +got):\n%s", k, diff)
	}
}

// once is of a START that is heard for the first time.
func once(context.Context) (bool, error) { return true, nil }

func topicToken() optout.Token {
	return optout.Token{Tenant: "acme", Channel: policy.Email, Key: key, Family: family, Topic: "weekly", Class: policy.Marketing}
}

func allToken() optout.Token {
	t := topicToken()
	t.Topic = ""
	return t
}

func topicRow(by suppression.Source, at time.Time) suppression.Row {
	return suppression.Row{Reason: policy.UnsubscribeTopic, Topic: "weekly", Class: policy.Marketing, Source: by, At: at}
}

func allRow(by suppression.Source, at time.Time) suppression.Row {
	return suppression.Row{Reason: policy.UnsubscribeAll, Class: policy.Marketing, Source: by, At: at}
}

func TestStop_WithTopicLeavesThatTopicOfThatAddressOnly(t *testing.T) {
	d := newDesk(t)
	d.stop(topicToken(), suppression.ByOneClick, noon.Add(700*time.Millisecond))
	d.holds(key, topicRow(suppression.ByOneClick, noon))
	d.holds(family)
}

func TestStop_WithoutTopicLeavesAllForTheFamilyToo(t *testing.T) { // docs/policy.md
	d := newDesk(t)
	d.stop(allToken(), suppression.ByPage, noon)
	d.holds(key, allRow(suppression.ByPage, noon))
	d.holds(family, allRow(suppression.ByPage, noon))
	if applies, _ := d.list.Calls(); applies != 1 {
		t.Errorf("%d writes: both keys must stand or fall together", applies)
	}
}

func TestStop_TwiceIsOnceWithTheSameWork(t *testing.T) { // RFC 8058 §3.1: the answer is no oracle
	d := newDesk(t)
	first := d.stop(topicToken(), suppression.ByOneClick, noon)
	applies, reads := d.list.Calls()
	second := d.stop(topicToken(), suppression.ByOneClick, noon.Add(24*time.Hour))
	applies2, reads2 := d.list.Calls()
	if applies2 != 2*applies || reads2 != 2*reads || first == "" || second != "" {
		t.Errorf("second stop: %d writes, %d reads, undo %q; first %d, %d, %q", applies2-applies, reads2-reads, second, applies, reads, first)
	}
	d.holds(key, topicRow(suppression.ByOneClick, noon))
}

func TestStop_NeverShrinksAnObjection(t *testing.T) { // GDPR Art. 21(2)
	d := newDesk(t)
	objection := allRow(suppression.ByAPI, noon.Add(-time.Hour))
	objection.AllChannels = true
	d.apply(suppression.Change{Key: key, Op: suppression.Add, Row: objection})
	d.stop(allToken(), suppression.ByOneClick, noon)
	d.holds(key, objection)
}

func TestStop_SaysSoWhenTheListCannotTakeIt(t *testing.T) { // P1, P5
	d := newDesk(t)
	full := errors.New("disk full")
	d.list.Fail(full)
	undo, err := d.Stop(t.Context(), topicToken(), suppression.ByOneClick, noon)
	if !errors.Is(err, full) || undo != "" {
		t.Errorf("%q, %v", undo, err)
	}
	d.list.Fail(nil)
	d.holds(key)
}

func TestStop_TokenOfNobodyIsNoSuccess(t *testing.T) {
	d := newDesk(t)
	if _, err := d.Stop(t.Context(), optout.Token{Topic: "weekly"}, suppression.ByMail, noon); err == nil {
		t.Error("stopped nobody with success")
	}
	if applies, _ := d.list.Calls(); applies != 0 {
		t.Error("nobody reached the list")
	}
}

func TestStop_EndsWithItsContext(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Stop(ctx, topicToken(), suppression.ByOneClick, noon); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLeft_SpeaksOfThisActOnly(t *testing.T) {
	d := newDesk(t)
	check := func(token optout.Token, want bool) {
		t.Helper()
		if left, err := d.Left(token); left != want || err != nil {
			t.Errorf("left %q: %v, %v", token.Topic, left, err)
		}
	}
	check(topicToken(), false)
	d.stop(topicToken(), suppression.ByPage, noon)
	check(topicToken(), true)
	check(allToken(), false)
	d.apply(suppression.Change{Key: key, Op: suppression.Add, Row: allRow(suppression.ByAPI, noon)})
	check(allToken(), false) // the family has not
	d.stop(allToken(), suppression.ByPage, noon)
	check(allToken(), true)
}

func TestStopped_HearsOfEachOptOutInForceAndOfNothingElse(t *testing.T) {
	d := newDesk(t)
	var heard []suppression.Source
	d.Desk = optout.NewDesk(optout.Options{List: &d.list, Signer: d.signer, Stopped: func(by suppression.Source, received time.Time) {
		if rows, _ := d.list.Rows(nil, key); len(rows) == 0 || !received.Equal(noon) {
			t.Errorf("heard at %v of what is not in force", received)
		}
		heard = append(heard, by)
	}})
	undo := d.stop(topicToken(), suppression.ByMail, noon)
	d.undo(undo, noon, nil)
	if err := errors.Join(d.StopTexts(t.Context(), key, noon), d.AllowTexts(t.Context(), key, once)); err != nil {
		t.Fatal(err)
	}
	d.list.Fail(errors.New("disk full"))
	d.Stop(t.Context(), topicToken(), suppression.ByPage, noon)
	d.StopTexts(t.Context(), key, noon)
	if want := []suppression.Source{suppression.ByMail, suppression.BySMS}; !cmp.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
}

func TestUndo_LiftsWhatItsStopMade(t *testing.T) {
	for _, token := range []optout.Token{topicToken(), allToken()} {
		d := newDesk(t)
		undo := d.stop(token, suppression.ByPage, noon)
		d.undo(undo, noon.Add(time.Minute), nil)
		d.undo(undo, noon.Add(2*time.Minute), nil)
		d.holds(key)
		d.holds(family)
	}
}

func TestUndo_EndsWithItsLife(t *testing.T) {
	d := newDesk(t)
	undo := d.stop(topicToken(), suppression.ByPage, noon)
	d.undo(undo, noon.Add(optout.DefaultUndoLife+time.Second), optout.ErrExpired)
	d.holds(key, topicRow(suppression.ByPage, noon))
	d.undo(undo, noon.Add(optout.DefaultUndoLife), nil)
}

func TestUndo_NeverLiftsALaterStop(t *testing.T) { // positions, not clocks
	d := newDesk(t)
	undo := d.stop(topicToken(), suppression.ByPage, noon)
	d.stop(topicToken(), suppression.ByOneClick, noon)
	d.undo(undo, noon, optout.ErrStands)
	d.holds(key, topicRow(suppression.ByPage, noon))
}

func TestUndo_NeverLiftsAnotherReasonOrTopic(t *testing.T) {
	d := newDesk(t)
	complaint := suppression.Row{Reason: policy.Complaint, At: noon, Source: suppression.ByReport}
	d.apply(suppression.Change{Key: key, Op: suppression.Add, Row: complaint})
	d.stop(allToken(), suppression.ByPage, noon)
	d.undo(d.stop(topicToken(), suppression.ByPage, noon), noon, nil)
	d.holds(key, complaint, allRow(suppression.ByPage, noon))
}

// Whoever holds a link, by a forwarded mail say, may stop and undo, but not bring back someone who had left before, be it a moment ago.
func TestUndo_IsNotOfferedForWhatStoodBefore(t *testing.T) { // a token can only opt out
	check := func(by suppression.Source, age time.Duration, on suppression.Key) {
		t.Helper()
		d := newDesk(t)
		d.apply(suppression.Change{Key: on, Op: suppression.Add, Row: allRow(by, noon.Add(-age))})
		for range 2 { // the second press too
			if undo := d.stop(allToken(), suppression.ByPage, noon); undo != "" {
				t.Errorf("source %d, age %v: an undo is offered", by, age)
			}
		}
		d.holds(on, allRow(by, noon.Add(-age)))
	}
	check(suppression.ByPage, time.Second, key)
	check(suppression.ByOneClick, time.Minute, family)
	check(suppression.ByMail, 0, key)
	check(suppression.ByOneClick, 365*24*time.Hour, key)
	check(suppression.ByAPI, time.Second, key)
	check(suppression.ByReport, time.Second, family)
}

// slippery is a list to which somebody else's change comes just before each of ours: after Desk has read, before it writes.
type slippery struct {
	*optouttest.List
	slip suppression.Change
}

func (l slippery) Apply(ctx context.Context, changes ...suppression.Change) (uint64, error) {
	if _, err := l.List.Apply(ctx, l.slip); err != nil {
		return 0, err
	}
	return l.List.Apply(ctx, changes...)
}

func TestUndo_IsNotOfferedIfAnotherActMayHaveSlippedIn(t *testing.T) { // P1: the other one was answered with success
	check := func(on suppression.Key) {
		t.Helper()
		d := newDesk(t)
		slip := suppression.Change{Key: on, Op: suppression.Add, Row: allRow(suppression.ByAPI, noon)}
		d.Desk = optout.NewDesk(optout.Options{List: slippery{&d.list, slip}, Signer: d.signer})
		if undo := d.stop(allToken(), suppression.ByPage, noon); undo != "" {
			t.Errorf("an undo is offered that would lift the other act on %x", on)
		}
		d.holds(key, allRow(suppression.ByPage, noon))
	}
	check(key)
	check(family)
	check(suppression.Key{9}) // whose it was cannot be told
}

// An opt-out by the API and a press of the button at one moment, then the undo: the API's stands, whichever was first.
func TestUndo_NeverLiftsWhatCameAtTheSameMoment(t *testing.T) { // P1
	list, err := suppression.Open("list", suppression.Options{FS: vfs.NewMem(), Secret: bytes.Repeat([]byte("k"), 32), Capacity: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	d := optout.NewDesk(optout.Options{List: list, Signer: newDesk(t).signer})
	for i := range byte(200) {
		token := optout.Token{Tenant: "acme", Channel: policy.Email, Key: suppression.Key{1, i}}
		other := suppression.Change{Key: token.Key, Op: suppression.Add, Row: allRow(suppression.ByAPI, noon)}
		done := make(chan error)
		go func() { _, err := list.Apply(t.Context(), other); done <- err }()
		undo, err := d.Stop(t.Context(), token, suppression.ByPage, noon)
		if err := errors.Join(err, <-done); err != nil {
			t.Fatal(err)
		}
		if undo != "" {
			d.Undo(t.Context(), undo, noon)
		}
		if rows, err := list.Rows(nil, token.Key); len(rows) != 1 || err != nil {
			t.Fatalf("run %d: the other opt-out is gone: %+v, %v", i, rows, err)
		}
	}
}

func TestUndo_ForgedNeverReachesTheList(t *testing.T) {
	d := newDesk(t)
	other, err := optout.NewSigner(bytes.Repeat([]byte("x"), 32))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := optout.NewDesk(optout.Options{List: new(optouttest.List), Signer: other}).Stop(t.Context(), topicToken(), suppression.ByPage, noon)
	if err != nil {
		t.Fatal(err)
	}
	good := d.stop(topicToken(), suppression.ByPage, noon)
	applies, reads := d.list.Calls()
	d.undo(foreign, noon, optout.ErrForged)
	d.undo(good[:7]+foreign[7:], noon, optout.ErrForged)
	d.undo(good+"!", noon, optout.ErrMalformed)
	d.undo("", noon, optout.ErrMalformed)
	if a, r := d.list.Calls(); a != applies || r != reads {
		t.Error("a forged undo reached the list")
	}
}

func TestUndo_SaysSoWhenTheListCannotTakeIt(t *testing.T) {
	d := newDesk(t)
	undo := d.stop(topicToken(), suppression.ByPage, noon)
	full := errors.New("disk full")
	d.list.Fail(full)
	d.undo(undo, noon, full)
	d.list.Fail(nil)
	d.holds(key, topicRow(suppression.ByPage, noon))
}

func TestTexts_StartLiftsTheStopAndNothingElse(t *testing.T) { // CTIA Messaging Principles 5.1.3
	d := newDesk(t)
	complaint := suppression.Row{Reason: policy.Complaint, At: noon, Source: suppression.ByReport}
	stop := suppression.Row{Reason: policy.SMSStop, At: noon, Source: suppression.BySMS}
	d.apply(suppression.Change{Key: key, Op: suppression.Add, Row: complaint})
	for range 2 {
		if err := d.StopTexts(t.Context(), key, noon); err != nil {
			t.Fatal(err)
		}
	}
	d.holds(key, complaint, stop)
	for range 2 {
		if err := d.AllowTexts(t.Context(), key, once); err != nil {
			t.Fatal(err)
		}
	}
	d.holds(key, complaint)
}

func TestTexts_SaySoWhenTheListCannotTakeThem(t *testing.T) {
	d := newDesk(t)
	full := errors.New("disk full")
	d.list.Fail(full)
	if err := d.StopTexts(t.Context(), key, noon); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := d.AllowTexts(t.Context(), key, once); !errors.Is(err, full) {
		t.Error(err)
	}
}
