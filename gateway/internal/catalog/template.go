package catalog

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Template is one version of named content.
type Template struct {
	ID        string            `json:"id"`
	Version   int               `json:"version"`
	Channel   string            `json:"channel"`
	Class     string            `json:"class"`
	Subject   string            `json:"subject,omitempty"`
	HTML      string            `json:"html,omitempty"`
	Text      string            `json:"text,omitempty"`
	Body      string            `json:"body,omitempty"`
	Variables map[string]string `json:"variables,omitempty"` // declared variables and their defaults ("" = required)
	Closing   bool              `json:"closing,omitempty"`
	Approved  bool              `json:"approved"`
	Approver  string            `json:"approver,omitempty"` // key id
	Created   time.Time         `json:"created"`
}

// PutTemplate makes the next version, unapproved whatever t says. Errors: ErrInvalid, or the store's.
func (c *Catalog) PutTemplate(tenant string, t Template) (Template, error) {
	if err := t.check(); err != nil {
		return Template{}, err
	}
	c.writer.Lock()
	defer c.writer.Unlock()
	last, err := c.lastVersion(tenant, t.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Template{}, err
	}
	t.Version, t.Closing, t.Approved, t.Approver = last+1, false, false, ""
	t.Created = c.now().UTC().Truncate(time.Second)
	t.Variables = maps.Clone(t.Variables)
	return t.own(), c.writeTemplate(tenant, t)
}

// Template gives a version; version 0 is the latest. Errors: ErrNotFound, or the store's. Cost: two map look-ups and a copy of the
// variables once it was read.
func (c *Catalog) Template(tenant, id string, version int) (Template, error) {
	if version == 0 {
		var err error
		if version, err = c.lastVersion(tenant, id); err != nil {
			return Template{}, err
		}
	}
	t, err := read(c, c.templates, versionSpace, versionKey(tenant, id, version))
	return t.own(), err
}

// Templates lists the latest version of each of a tenant's templates by id from behind `after`, at most limit.
func (c *Catalog) Templates(tenant, after string, limit int) ([]Template, error) {
	ids, versions, err := page[int](c, latestSpace, tenant, after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Template, 0, len(ids))
	for i, id := range ids {
		t, err := c.Template(tenant, id, versions[i])
		if err != nil {
			return nil, fmt.Errorf("template %s@%d: %w", id, versions[i], err)
		}
		list = append(list, t)
	}
	return list, nil
}

// Approve records that a version is approved, by whom (a key id), and whether it is a closing template (docs/policy.md,
// account_deactivated.closing). A version that is approved already takes the new approver and tag. version 0 is an error:
// what was read must be what is approved. Requires: the caller may approve. Errors: ErrNotFound, ErrInvalid, or the store's.
func (c *Catalog) Approve(tenant, id string, version int, by string, closing bool) (Template, error) {
	if version <= 0 || by == "" {
		return Template{}, fmt.Errorf("%w: name the version to approve and who approves it", ErrInvalid)
	}
	c.writer.Lock()
	defer c.writer.Unlock()
	t, err := c.Template(tenant, id, version)
	if err != nil {
		return Template{}, err
	}
	t.Approved, t.Approver, t.Closing = true, by, closing
	return t.own(), c.writeTemplate(tenant, t)
}

// own is t with variables of its own: the caller may change what it was given.
func (t Template) own() Template {
	t.Variables = maps.Clone(t.Variables)
	return t
}

func (c *Catalog) lastVersion(tenant, id string) (int, error) {
	return read(c, c.latest, latestSpace, recordKey(tenant, id))
}

// writeTemplate stores a version, and its number if it is a new one, in one commit. Requires: writer is held.
func (c *Catalog) writeTemplate(tenant string, t Template) error {
	key, latestKey := versionKey(tenant, t.ID, t.Version), recordKey(tenant, t.ID)
	last, err := c.lastVersion(tenant, t.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	last = max(last, t.Version)
	version, err := record(versionSpace, key, t)
	if err != nil {
		return err
	}
	latest, err := record(latestSpace, latestKey, last)
	if err != nil {
		return err
	}
	c.templates.drop(key)
	c.latest.drop(latestKey)
	if err := c.store.Put(version, latest); err != nil {
		return err
	}
	c.templates.set(key, t)
	c.latest.set(latestKey, last)
	return nil
}
