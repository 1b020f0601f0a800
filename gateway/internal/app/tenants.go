package app

import (
	"errors"

	"heed/gateway/internal/config"
	"heed/suppression"
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

// keys returns the keys a recipient's rows may stand under: the exact one, then the family's if it differs.
func (all tenants) keys(id string, c policy.Channel, to []byte) ([]suppression.Key, error) {
	t := all[id]
	if t == nil {
		return nil, errTenant
	}
	if c == policy.SMS {
		number, err := address.AppendPhone(nil, to, t.DefaultRegion)
		if err != nil {
			return nil, err
		}
		return []suppression.Key{t.sms.Key(number)}, nil
	}
	mailbox, err := address.AppendEmail(nil, to)
	if err != nil {
		return nil, err
	}
	keys := []suppression.Key{t.email.Key(mailbox)}
	if family, differs := address.AppendFamily(nil, mailbox); differs {
		keys = append(keys, t.email.FamilyKey(family))
	}
	return keys, nil
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
