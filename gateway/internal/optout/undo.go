package optout

import (
	"encoding/binary"
	"strings"
	"time"

	"heed/suppression"
	"heed/suppression/policy"
)

// ticket is what an undo token holds. It is sealed (AES-256-GCM), not only signed: the list's position, which counts everybody's
// opt-outs, is not the bearer's business.
type ticket struct {
	keys     []suppression.Key // at most maxKeys
	reason   policy.Reason
	topic    string
	position uint64 // of the act: an undo has observed nothing later
	issued   time.Time
}

const (
	maxUndo = 2 * maxToken
	maxKeys = 2
)

func (s *Signer) sealUndo(k ticket) string {
	plain := appendTicket(nil, k)
	sec := &s.secrets[0]
	return sec.kid + "." + encoding.EncodeToString(sec.undo.Seal(nil, nil, plain, nil))
}

// openUndo reads an undo token. Errors: ErrMalformed, ErrForged.
func (s *Signer) openUndo(undo string) (ticket, error) {
	kid, text, found := strings.Cut(undo, ".")
	if !found || len(undo) > maxUndo {
		return ticket{}, ErrMalformed
	}
	sealed, err := decode([]byte(text))
	if err != nil {
		return ticket{}, ErrMalformed
	}
	sec := s.byKid([]byte(kid))
	if sec == nil {
		return ticket{}, ErrForged
	}
	plain, err := sec.undo.Open(nil, nil, sealed, nil)
	if err != nil {
		return ticket{}, ErrForged
	}
	k, ok := parseTicket(plain)
	if !ok {
		return ticket{}, ErrMalformed
	}
	return k, nil
}

func appendTicket(dst []byte, k ticket) []byte {
	dst = append(dst, byte(len(k.keys)), byte(k.reason))
	for _, key := range k.keys {
		dst = append(dst, key[:]...)
	}
	dst = binary.BigEndian.AppendUint64(dst, k.position)
	dst = binary.BigEndian.AppendUint64(dst, uint64(k.issued.Unix()))
	return append(dst, k.topic...)
}

func parseTicket(b []byte) (k ticket, ok bool) {
	r := reader{b: b}
	n := r.byte()
	k.reason = policy.Reason(r.byte())
	for range min(n, maxKeys) {
		k.keys = append(k.keys, r.key())
	}
	if numbers := r.take(16); numbers != nil {
		k.position = binary.BigEndian.Uint64(numbers)
		k.issued = time.Unix(int64(binary.BigEndian.Uint64(numbers[8:])), 0)
	}
	k.topic = string(r.b)
	return k, !r.short && n <= maxKeys
}
