// Package keyring turns addresses as callers write them into the keys that the suppression list knows them by. Which keys those are is
// address.Keyer's rule. A Ring is for one goroutine; addresses are not kept.
package keyring

import (
	"heed/suppression"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// Ring makes the keys of one tenant and one channel.
type Ring struct {
	keyer   address.Keyer
	channel policy.Channel
	region  string
	form    []byte // canonical form of the latest address
}

// New makes a ring. region is the country of phone numbers without "+" (ISO 3166-1 alpha-2), "": there are none.
func New(channel policy.Channel, keyer address.Keyer, region string) *Ring {
	return &Ring{keyer: keyer, channel: channel, region: region}
}

// AppendKeys appends the keys of an address: for a look-up family is true, for a row of a reason it is policy.Families(reason). code says
// what is wrong with the address if it has none. No allocation once the memory has grown.
func (r *Ring) AppendKeys(dst []suppression.Key, addr []byte, family bool) (keys []suppression.Key, code string) {
	if code := r.canonical(addr); code != "" {
		return dst, code
	}
	return r.keyer.AppendKeys(dst, r.form, family), ""
}

func (r *Ring) canonical(addr []byte) (code string) {
	var err error
	if r.channel == policy.SMS {
		if r.form, err = address.AppendPhone(r.form[:0], addr, r.region); err != nil {
			return "number_syntax"
		}
		return ""
	}
	if r.form, err = address.AppendEmail(r.form[:0], addr); err != nil {
		return "address_syntax"
	}
	return ""
}
