// Package catalog keeps what a tenant declares before it sends: topics and templates.
package catalog

import (
	"errors"
	"time"

	"heed/gateway/internal/queue"
)

// Topic is a kind of information a person can leave.
type Topic struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Created     time.Time `json:"created"`
	Archived    bool      `json:"archived,omitempty"` // a deleted topic: nobody sends to it, nobody who left it is forgotten
}

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

var (
	ErrNotFound = errors.New("catalog: not found")
	ErrInvalid  = errors.New("catalog: invalid") // wrapped with what to change
)

// store is the part of queue.Queue that is needed.
type store interface {
	Put(r ...queue.Record) error
	Get(space, key string) ([]byte, error)
	List(space, after string, limit int) (keys []string, values [][]byte, err error)
}

// Catalog is safe for concurrent use; look-ups are cached in memory.
type Catalog struct{ store store }

func New(s store, now func() time.Time) *Catalog { panic("contract") }

func (c *Catalog) PutTopic(tenant string, t Topic) (Topic, error)                { panic("contract") }
func (c *Catalog) Topic(tenant, id string) (Topic, error)                        { panic("contract") }
func (c *Catalog) Topics(tenant, after string, limit int) ([]Topic, error)       { panic("contract") }
func (c *Catalog) ArchiveTopic(tenant, id string) error                          { panic("contract") }
func (c *Catalog) PutTemplate(tenant string, t Template) (Template, error)       { panic("contract") } // makes the next version, unapproved
func (c *Catalog) Template(tenant, id string, version int) (Template, error)     { panic("contract") } // version 0: the latest
func (c *Catalog) Templates(tenant, after string, limit int) ([]Template, error) { panic("contract") }
func (c *Catalog) Approve(tenant, id string, version int, by string, closing bool) (Template, error) {
	panic("contract")
}
