package catalog

import (
	"errors"
	"time"
)

// Topic is a kind of information a person can leave.
type Topic struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	Archived    bool      `json:"archived,omitempty"` // a deleted topic: nobody sends to it, nobody who left it is forgotten
}

// PutTopic declares a topic, or gives one its new name and description; an archived topic comes back, and those who left it have still left it.
// The time of creation is the first. Errors: ErrInvalid, or the store's.
func (c *Catalog) PutTopic(tenant string, t Topic) (Topic, error) {
	if err := t.Check(); err != nil {
		return Topic{}, err
	}
	c.writer.Lock()
	defer c.writer.Unlock()
	t.Created = c.now().UTC().Truncate(time.Second)
	switch old, err := c.Topic(tenant, t.ID); {
	case err == nil:
		t.Created = old.Created
	case !errors.Is(err, ErrNotFound):
		return Topic{}, err
	}
	t.Archived = false
	return t, c.writeTopic(tenant, t)
}

// Topic gives a topic, archived ones too. Errors: ErrNotFound, or the store's. Cost: a map look-up once it was read.
func (c *Catalog) Topic(tenant, id string) (Topic, error) {
	return read(c, c.topics, topicSpace, recordKey(tenant, id))
}

// Topics lists a tenant's topics by id from behind `after`, archived ones too, at most limit.
func (c *Catalog) Topics(tenant, after string, limit int) ([]Topic, error) {
	_, list, err := page[Topic](c, topicSpace, tenant, after, limit)
	return list, err
}

// ArchiveTopic deletes a topic for senders. Its record stays, so the rows of those who left it keep their meaning. Errors: ErrNotFound,
// or the store's.
func (c *Catalog) ArchiveTopic(tenant, id string) error {
	c.writer.Lock()
	defer c.writer.Unlock()
	t, err := c.Topic(tenant, id)
	if err != nil || t.Archived {
		return err
	}
	t.Archived = true
	return c.writeTopic(tenant, t)
}

// writeTopic stores a topic. Requires: writer is held.
func (c *Catalog) writeTopic(tenant string, t Topic) error {
	key := recordKey(tenant, t.ID)
	r, err := record(topicSpace, key, t)
	if err == nil {
		c.topics.drop(key)
		err = c.store.Put(r)
	}
	if err == nil {
		c.topics.set(key, t)
	}
	return err
}
