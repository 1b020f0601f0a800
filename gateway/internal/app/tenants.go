package app

import (
	"errors"
	"slices"
	"strings"

	"heed/gateway/internal/config"
	"heed/gateway/internal/dispatch"
	"heed/gateway/internal/keys"
	"heed/gateway/internal/message"
	"heed/suppression/address"
	"heed/suppression/policy"
)

// tenant is a brand as the parts need it.
type tenant struct {
	config.Tenant
	email, sms address.Keyer
}

// tenants finds tenants by id. Immutable.
type tenants map[string]*tenant

var errTenant = errors.New("unknown tenant: is it still in the settings?")

func newTenants(list []config.Tenant, secret []byte) tenants {
	all := tenants{}
	for _, t := range list {
		all[t.ID] = &tenant{
			Tenant: t,
			email:  address.NewKeyer(secret, t.ID, policy.Email.String()),
			sms:    address.NewKeyer(secret, t.ID, policy.SMS.String()),
		}
	}
	return all
}

// find returns the keys a recipient's rows may stand under, the exact one first, and the address for the wire.
func (all tenants) find(id string, c policy.Channel, to []byte) (dispatch.Address, error) {
	t := all[id]
	if t == nil {
		return dispatch.Address{}, errTenant
	}
	if c == policy.SMS {
		number, err := address.AppendPhone(nil, to, t.DefaultRegion)
		if err != nil {
			return dispatch.Address{}, err
		}
		return dispatch.Address{Keys: t.sms.AppendKeys(nil, number, true), To: string(number)}, nil
	}
	mailbox, err := address.AppendEmail(nil, to)
	if err != nil {
		return dispatch.Address{}, err
	}
	return dispatch.Address{Keys: t.email.AppendKeys(nil, mailbox, true), To: strings.TrimSpace(string(to))}, nil
}

// from is a tenant's own sender on a channel, for rerouted messages.
func (all tenants) from(id string, c policy.Channel) string {
	t := all[id]
	switch {
	case t == nil:
		return ""
	case c == policy.SMS:
		return t.SMSFrom
	}
	return t.EmailFrom
}

// known lets in only keys of tenants that the settings name: rows recorded for any other could never be matched again.
type known struct {
	store   *keys.Store
	tenants tenants
	stray   func(keyID, tenant string) // told of keys of other tenants; must not block
}

// Check answers who a secret speaks for.
func (k known) Check(secret string) (keys.Principal, error) {
	p, err := k.store.Check(secret)
	if err == nil && k.tenants[p.Tenant] == nil {
		k.stray(p.KeyID, p.Tenant)
		return keys.Principal{}, keys.ErrUnknown
	}
	return p, err
}

// keyers are a tenant's keyers. Requires: the tenant is known.
func (all tenants) keyers(id string) (email, sms address.Keyer) {
	return all[id].email, all[id].sms
}

func (all tenants) region(id string) string {
	if t := all[id]; t != nil {
		return t.DefaultRegion
	}
	return ""
}

// texted finds the tenant of a number that was texted. Where there is one tenant, every number of the account is its.
func (all tenants) texted(number string) (id string, ok bool) {
	for id, t := range all {
		if len(all) == 1 || slices.Contains(t.SMSNumbers, number) {
			return id, true
		}
	}
	return "", false
}

// deaf lists the tenants whose incoming texts nobody could tell from others'.
func (all tenants) deaf() (ids []string) {
	for id, t := range all {
		if len(all) > 1 && len(t.SMSNumbers) == 0 {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// maySend says whether a tenant may send as from; the error is for the caller.
func (all tenants) maySend(id string, c policy.Channel, from string) error {
	t := all[id]
	if t == nil || len(t.Senders) == 0 {
		return nil
	}
	if c == policy.Email {
		from, _ = message.Address(from) // no mailbox is nobody's sender
	}
	domain := from[strings.LastIndexByte(from, '@')+1:]
	named := func(s string) bool { return strings.EqualFold(s, from) || strings.EqualFold(s, domain) }
	if slices.ContainsFunc(t.Senders, named) {
		return nil
	}
	return errors.New("this tenant may not send as this sender; its operator names the senders in the settings")
}
