package address

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/dchest/siphash"
)

// Key is a keyed digest of a canonical address: what the list stores instead of the address.
//
// It is a pseudo-random function under a secret (SipHash-2-4 with 128 bits of output), not a plain hash: all phone numbers of a
// country can be hashed in minutes and any address guessed, so a plain hash of an address is the address (P6). Without the
// secret neither the store nor a stolen filter file can be tested against a list of addresses. At 10^9 keys the chance that any two addresses
// share one is below 10^-20.
type Key [16]byte

// MinSecret is the shortest secret in bytes that keys may be made with.
const MinSecret = 32

// ErrSecret says that a secret is too short to keep addresses unguessable.
var ErrSecret = fmt.Errorf("address: the secret is shorter than %d bytes", MinSecret)

// CheckSecret reports ErrSecret for a secret NewKeyer would not take.
func CheckSecret(secret []byte) error {
	if len(secret) < MinSecret {
		return ErrSecret
	}
	return nil
}

// Keyer computes keys of one tenant and one channel. The zero Keyer is not usable. Safe for concurrent use; it holds derived
// secrets, so it must not be printed.
type Keyer struct{ exact, family [2]uint64 }

// NewKeyer derives a keyer from the list's secret (at least MinSecret bytes). channel is "email" or "sms". Tenants and
// channels share no keys: the same address has unrelated keys in two of them, so no list can be joined with another.
// It panics if the secret is too short: check it with CheckSecret where it is read.
func NewKeyer(secret []byte, tenant, channel string) Keyer {
	if err := CheckSecret(secret); err != nil {
		panic(err)
	}
	// HMAC as a key derivation (RFC 5869 §2.3, one block of 32 bytes). The label keeps these keys apart from any other use of
	// the secret; the length of the channel keeps ("a", "bc") apart from ("ab", "c").
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "heed suppression key v1\x00%d\x00%s\x00%s", len(channel), channel, tenant)
	sum := mac.Sum(nil)
	return Keyer{exact: sipKey(sum[:16]), family: sipKey(sum[16:])}
}

func sipKey(b []byte) [2]uint64 {
	return [2]uint64{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

// Key digests a canonical address. No allocation; tens of nanoseconds.
func (k Keyer) Key(canonical []byte) Key { return digest(k.exact, canonical) }

// FamilyKey digests a family form; it never equals a Key of the same bytes, so that a row about one spelling is not taken
// for one about the whole family.
func (k Keyer) FamilyKey(family []byte) Key { return digest(k.family, family) }

// AppendKeys appends the keys that an address is looked up by, and that a row about it is stored under: the exact key, and
// if family is set and the address has one, the family key. It is the one place that knows:
//
//   - to look rows up, or to announce a hand-off, family is true;
//   - to add or lift a row, family is policy.Families(reason).
//
// Requires: canonical comes from AppendEmail or AppendPhone. No allocation beyond dst.
func (k Keyer) AppendKeys(dst []Key, canonical []byte, family bool) []Key {
	dst = append(dst, k.Key(canonical))
	if !family {
		return dst
	}
	var room [maxEmail]byte
	form, ok := AppendFamily(room[:0], canonical)
	if ok {
		dst = append(dst, k.FamilyKey(form))
	}
	return dst
}

func digest(key [2]uint64, b []byte) (d Key) {
	lo, hi := siphash.Hash128(key[0], key[1], b)
	binary.LittleEndian.PutUint64(d[:8], lo)
	binary.LittleEndian.PutUint64(d[8:], hi)
	return d
}
