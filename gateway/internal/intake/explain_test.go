package intake

import (
	"testing"

	"heed/gateway/internal/batch"
	"heed/gateway/internal/batchjson"
	"heed/suppression/policy"
)

// Whoever asks later why a message took another way finds it in the store, in words.
func TestAccept_KeepsWhyARecipientWasRerouted(t *testing.T) {
	f := setup(t)
	f.list.suppress(t, "dead@example.org", policy.HardBounce, "")
	s := mail()
	s.Class, s.Body = "transactional", "Hello"
	got := f.accept(s, []batchjson.Recipient{withFallback("dead@example.org", "sms", "+4790000001"), {To: []byte("ann@example.org")}})
	id, err := batch.ParseID(got.ID)
	if err != nil {
		t.Fatal(err)
	}
	for index, want := range []string{"rerouted", ""} {
		e, _, err := f.queue.Timeline(id, uint32(index))
		var segment batch.Segment
		if err == nil {
			err = segment.Open(e.Payload)
		}
		if err != nil {
			t.Fatal(err)
		}
		if code := string(segment.At(e.At).Code); code != want || want != "" && Explain(code) == "" {
			t.Errorf("recipient %d: code %q, in words %q", index, code, Explain(code))
		}
	}
}

func TestExplain_KnowsEveryCodeOfARecipient(t *testing.T) {
	for _, w := range []*why{badEmail, badNumber, noRegion, longAddress, badFallback, repeated, held, tooLate, noFallback, noContent, fallbackSyntax,
		fallbackVariable, fallbackBlocked, elsewhere, unexplained, missingVariable("name")} {
		if Explain(w.code) == "" {
			t.Errorf("no words for %s", w.code)
		}
	}
	for _, w := range reasons {
		if w != nil && Explain(w.code) == "" {
			t.Errorf("no words for %s", w.code)
		}
	}
}
