package optout

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"

	"heed/suppression"
	"heed/suppression/policy"

	"pgregory.net/rapid"
)

var (
	oldSecret  = bytes.Repeat([]byte("o"), 32)
	nextSecret = bytes.Repeat([]byte("n"), 32)
)

func signer(t testing.TB, secrets ...[]byte) *Signer {
	t.Helper()
	s, err := NewSigner(secrets[0], secrets[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func example() Token {
	return Token{
		Tenant: "acme", Channel: policy.Email, Key: [16]byte{1, 2, 3}, Family: [16]byte{4, 5, 6}, Topic: "weekly",
		Class: policy.Marketing, Batch: [16]byte{7, 8, 9}, Index: 70_000, Day: 20_778,
	}
}

func tokens() *rapid.Generator[Token] {
	key := rapid.Custom(func(t *rapid.T) (k [16]byte) {
		copy(k[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		return k
	})
	return rapid.Custom(func(t *rapid.T) Token {
		return Token{
			Tenant:  rapid.StringN(-1, -1, MaxNames/2).Draw(t, "tenant"),
			Topic:   rapid.StringN(-1, -1, MaxNames/2).Draw(t, "topic"),
			Channel: rapid.SampledFrom([]policy.Channel{policy.Email, policy.SMS}).Draw(t, "channel"),
			Class:   rapid.SampledFrom([]policy.Class{0, policy.Marketing, policy.Transactional, policy.Service, policy.Mandatory}).Draw(t, "class"),
			Key:     key.Draw(t, "key"), Family: key.Draw(t, "family"), Batch: key.Draw(t, "batch"),
			Index: rapid.Uint32().Draw(t, "index"), Day: rapid.Uint32().Draw(t, "day"),
		}
	})
}

func TestToken_SaysWhatWasSigned(t *testing.T) { // RFC 8058 §3.1
	s := signer(t, oldSecret)
	rapid.Check(t, func(t *rapid.T) {
		want := tokens().Draw(t, "token")
		text := s.Append([]byte("x"), want)[1:]
		got, err := s.Verify(text)
		if err != nil || got != want {
			t.Fatalf("%s: %+v, %v; want %+v", text, got, err, want)
		}
		if len(text) > maxToken {
			t.Fatalf("%d characters", len(text))
		}
	})
}

func TestToken_NeedsNoEscapingInAPath(t *testing.T) { // RFC 3986 §2.3
	s := signer(t, oldSecret)
	rapid.Check(t, func(t *rapid.T) {
		text := string(s.Append(nil, tokens().Draw(t, "token")))
		if url.PathEscape(text) != text || url.QueryEscape(text) != text || strings.ContainsAny(text, "+/=~") {
			t.Fatal(text)
		}
	})
}

// Any other spelling of a token is refused: each single changed, lost or added character.
func TestToken_ForgedNeverVerifies(t *testing.T) {
	s := signer(t, oldSecret)
	good := s.Append(nil, example())
	check := func(bad []byte) {
		t.Helper()
		_, err := s.Verify(bad)
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			check(bad)
		}
		check(good[:i])
		check(append(bytes.Clone(good[:i]), good[i+1:]...))
		check(append(append(bytes.Clone(good[:i]), '\n'), good[i:]...))
	}
	check(append(bytes.Clone(good), 'A'))
	check(bytes.Repeat([]byte("v1."), 1000))
}

func TestToken_TellsBrokenFromForged(t *testing.T) { // 400 and 404: RFC 9110 §15.5
	s := signer(t, oldSecret)
	good := string(s.Append(nil, example()))
	foreign := string(signer(t, nextSecret).Append(nil, example()))
	dot := strings.LastIndexByte(good, '.')
	check := func(token string, want error) {
		t.Helper()
		if _, err := s.Verify([]byte(token)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", token, err, want)
		}
	}
	check("", ErrMalformed)
	check("v1", ErrMalformed)
	check("v2"+good[2:], ErrMalformed)
	check(good[:len(good)-4], ErrMalformed)
	check(good+".", ErrMalformed)
	check(foreign, ErrForged)
	check(good[:dot+1]+foreign[strings.LastIndexByte(foreign, '.')+1:], ErrForged)
}

func TestToken_RetiredSecretStillVerifies(t *testing.T) { // CASL: links work for at least 60 days
	before := signer(t, oldSecret)
	after := signer(t, nextSecret, oldSecret)
	if got, err := after.Verify(before.Append(nil, example())); err != nil || got != example() {
		t.Errorf("old link: %+v, %v", got, err)
	}
	local := before.AppendMailbox(nil, example().Batch, example().Index)
	if _, index, err := after.VerifyMailbox(local); err != nil || index != example().Index {
		t.Errorf("old mailbox: %d, %v", index, err)
	}
	if _, err := before.Verify(after.Append(nil, example())); !errors.Is(err, ErrForged) {
		t.Errorf("a secret not known yet: %v", err)
	}
}

func TestSigner_RefusesWeakOrRepeatedSecrets(t *testing.T) {
	check := func(want string, signing []byte, retired ...[]byte) {
		t.Helper()
		_, err := NewSigner(signing, retired...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), string(signing)) {
			t.Errorf("%v, want %q and no secret", err, want)
		}
	}
	check("at least 32", []byte("short"))
	check("at least 32", oldSecret, []byte("short"))
	check("listed twice", oldSecret, nextSecret, oldSecret)
}

func TestMailbox_FitsALocalPartAndSurvivesCaseFolding(t *testing.T) { // RFC 5321 §4.5.3.1.1, §2.4
	s := signer(t, oldSecret)
	rapid.Check(t, func(t *rapid.T) {
		want := tokens().Draw(t, "token")
		local := s.AppendMailbox(nil, want.Batch, want.Index)
		if len(local) > 64 || len(local) != mailboxSize {
			t.Fatalf("%s has %d characters", local, len(local))
		}
		for _, form := range [][]byte{local, bytes.ToUpper(local), append([]byte("U+"), local[2:]...)} {
			batch, index, err := s.VerifyMailbox(form)
			if err != nil || batch != want.Batch || index != want.Index {
				t.Fatalf("%s: %x %d %v", form, batch, index, err)
			}
		}
	})
}

func TestMailbox_ForgedNeverVerifies(t *testing.T) {
	s := signer(t, oldSecret)
	good := s.AppendMailbox(nil, example().Batch, example().Index)
	for i := range len(good) - 1 { // the last character ends in four spare bits
		for _, c := range []byte("az27") {
			bad := bytes.Clone(good)
			if bad[i] == c {
				continue
			}
			bad[i] = c
			if _, _, err := s.VerifyMailbox(bad); err == nil {
				t.Errorf("%s verified", bad)
			}
		}
	}
	kelvin := strings.Replace(string(good), "u+", "u+\u212a", 1) // folds to "k" in Unicode
	for _, bad := range []string{"", kelvin, kelvin[:len(good)], "v+" + string(good[2:]), string(good[:61]) + "!", string(good[:61]) + "\n"} {
		if _, _, err := s.VerifyMailbox([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	foreign := signer(t, nextSecret).AppendMailbox(nil, example().Batch, example().Index)
	if _, _, err := s.VerifyMailbox(foreign); !errors.Is(err, ErrForged) {
		t.Error(err)
	}
}

// What is signed for one use is worth nothing in another: the keys differ.
func TestSigner_KeepsItsUsesApart(t *testing.T) { // RFC 5869 §3.2
	s := signer(t, oldSecret)
	link, mailbox, text := s.secrets[0].link, s.secrets[0].mailbox, []byte("same text")
	if link.valid(text, mailbox.sum(text)) || mailbox.valid(text, link.sum(text)) {
		t.Error("a tag of one use is valid in the other")
	}
	undo := s.sealUndo(ticket{keys: []suppression.Key{{1}}})
	if _, err := s.Verify([]byte(undo)); err == nil {
		t.Error("an undo token is taken for a link")
	}
	if _, err := s.openUndo(string(s.Append(nil, example()))); err == nil {
		t.Error("a link is taken for an undo token")
	}
}

func FuzzVerify(f *testing.F) {
	s, other := signer(f, oldSecret), signer(f, nextSecret)
	f.Add(s.Append(nil, example()))
	f.Add(other.Append(nil, example()))
	f.Add(s.AppendMailbox(nil, example().Batch, 1))
	f.Add([]byte("u+\u212a" + string(s.AppendMailbox(nil, example().Batch, 1)[5:])))
	f.Add([]byte(s.sealUndo(ticket{keys: []suppression.Key{{1}, {2}}, topic: "weekly"})))
	f.Add([]byte("v1.AAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA"))
	f.Add([]byte("v1..."))
	f.Fuzz(func(t *testing.T, in []byte) {
		if got, err := s.Verify(in); err == nil && !bytes.Equal(s.Append(nil, got), in) {
			t.Errorf("%q: a second spelling of %+v", in, got)
		}
		if _, _, err := s.VerifyMailbox(in); err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrForged) {
			t.Error(err)
		}
		if _, err := s.openUndo(string(in)); err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrForged) {
			t.Error(err)
		}
	})
}

// A payload is parsed after its signature only; it must be harmless all the same.
func FuzzPayload(f *testing.F) {
	f.Add(appendPayload(nil, example()))
	f.Add(appendTicket(nil, ticket{keys: []suppression.Key{{1}}, topic: "weekly"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		if got, ok := parsePayload(in); ok {
			again, ok := parsePayload(appendPayload(nil, got))
			if !ok || again != got {
				t.Errorf("%+v became %+v", got, again)
			}
		}
		if got, ok := parseTicket(in); ok && len(got.keys) > 3 {
			t.Error(got)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	s, dst, token := signer(b, oldSecret), make([]byte, 0, maxToken), example()
	b.ReportAllocs()
	for b.Loop() {
		s.Append(dst, token)
	}
}

func BenchmarkVerify(b *testing.B) {
	s := signer(b, oldSecret)
	token := s.Append(nil, example())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
