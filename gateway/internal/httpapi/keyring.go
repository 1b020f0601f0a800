package httpapi

import (
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// keyring turns addresses of one tenant and channel into the keys that the list knows them by. For one goroutine.
type keyring struct {
	keyer   address.Keyer
	channel policy.Channel
	region  string // country of phone numbers without "+"
	exact   []byte
	family  []byte
}

func (s *Server) keyring(tenant string, channel policy.Channel) *keyring {
	email, sms := s.o.Keyers(tenant)
	if channel == policy.SMS {
		return &keyring{keyer: sms, channel: channel, region: s.o.Region(tenant)}
	}
	return &keyring{keyer: email, channel: channel}
}

// pair holds an address's keys; Family is zero if it has none.
type pair struct{ Exact, Family suppression.Key }

// keys gives the keys of an address, or the code of what is wrong with it. No allocation once the scratch memory has grown.
func (k *keyring) keys(addr []byte) (p pair, code string) {
	var err error
	if k.channel == policy.SMS {
		if k.exact, err = address.AppendPhone(k.exact[:0], addr, k.region); err != nil {
			return pair{}, "number_syntax"
		}
		return pair{Exact: k.keyer.Key(k.exact)}, ""
	}
	if k.exact, err = address.AppendEmail(k.exact[:0], addr); err != nil {
		return pair{}, "address_syntax"
	}
	p.Exact = k.keyer.Key(k.exact)
	var has bool
	if k.family, has = address.AppendFamily(k.family[:0], k.exact); has {
		p.Family = k.keyer.FamilyKey(k.family)
	}
	return p, ""
}

// each gives the keys that are not zero.
func (p pair) each() []suppression.Key {
	if p.Family == (suppression.Key{}) {
		return []suppression.Key{p.Exact}
	}
	return []suppression.Key{p.Exact, p.Family}
}

// forReason gives the keys that a row of this reason is added to (email.md §9): what the person said about all mail holds for every
// spelling of the mailbox, what they said about a topic for this spelling only, since people use tags to tell lists apart.
func (p pair) forReason(r policy.Reason) []suppression.Key {
	switch r {
	case policy.UnsubscribeAll, policy.Complaint, policy.ManualBlock, policy.Erasure, policy.LegalHold:
		return p.each()
	}
	return []suppression.Key{p.Exact}
}
