package optout

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
)

// mailboxes are spelled in lower case without padding, since the case of a local part may be changed on its way.
var mailboxes = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const (
	mailboxPrefix  = "u+"
	mailboxVersion = 1
	referenceSize  = 1 + 16 + 4 // version, batch, index

	// A mailbox has 62 characters: a local part has at most 64 (RFC 5321 §4.5.3.1.1), so a whole link does not fit and
	// the mailbox refers to the message instead.
	signedSize  = len(mailboxPrefix) + (referenceSize*8+4)/5
	mailboxSize = signedSize + (tagSize*8+4)/5
)

// AppendMailbox appends the local part of the mailto: form, "u+" and a signed reference to one message of one batch.
// It survives case folding. Cost: one HMAC, no allocation beyond dst.
func (s *Signer) AppendMailbox(dst []byte, batch [16]byte, index uint32) []byte {
	var reference [referenceSize]byte
	reference[0] = mailboxVersion
	copy(reference[1:], batch[:])
	binary.BigEndian.PutUint32(reference[17:], index)
	start := len(dst)
	dst = mailboxes.AppendEncode(append(dst, mailboxPrefix...), reference[:])
	sum := s.secrets[0].mailbox.sum(dst[start:])
	return mailboxes.AppendEncode(dst, sum[:])
}

// VerifyMailbox reads a local part in any case. It tries each secret, since there is no room for a key id.
// Errors: ErrMalformed, ErrForged. Constant time in the signature. local is not kept.
func (s *Signer) VerifyMailbox(local []byte) (batch [16]byte, index uint32, err error) {
	if len(local) != mailboxSize || bytes.ContainsAny(local, "\r\n") {
		return batch, 0, ErrMalformed
	}
	local = lower(local)
	reference, refErr := mailboxes.AppendDecode(nil, local[len(mailboxPrefix):signedSize])
	given, tagErr := mailboxes.AppendDecode(nil, local[signedSize:])
	if string(local[:len(mailboxPrefix)]) != mailboxPrefix || refErr != nil || tagErr != nil || reference[0] != mailboxVersion {
		return batch, 0, ErrMalformed
	}
	if !s.mailboxValid(local[:signedSize], tag(given)) {
		return batch, 0, ErrForged
	}
	return [16]byte(reference[1:17]), binary.BigEndian.Uint32(reference[17:]), nil
}

func (s *Signer) mailboxValid(signed []byte, given tag) bool {
	for i := range s.secrets {
		if s.secrets[i].mailbox.valid(signed, given) {
			return true
		}
	}
	return false
}

// lower folds ASCII only: Unicode folding would make letters of ours out of others, in another number of bytes.
func lower(local []byte) []byte {
	folded := bytes.Clone(local)
	for i, c := range folded {
		if 'A' <= c && c <= 'Z' {
			folded[i] = c + 'a' - 'A'
		}
	}
	return folded
}
