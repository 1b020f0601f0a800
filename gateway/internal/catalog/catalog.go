// Package catalog keeps what a tenant declares before it sends: topics and templates.
//
// It promises that a version of a template never changes but for its approval, that an approved version is exactly what was approved,
// and that nothing declared is ever deleted: a topic that goes is archived, so that its id keeps its meaning for those who left it.
// It does not judge content beyond its size and shape, and it does not ask who may approve: that is the caller's duty.
//
// A Catalog is safe for concurrent use; look-ups are answered from memory once they were read. One process writes a store.
package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"heed/gateway/internal/queue"
)

var (
	ErrNotFound = errors.New("catalog: not found")
	ErrInvalid  = errors.New("catalog: invalid") // wrapped with what to change
)

// store is the part of queue.Queue that is needed. List gives the records behind key `after`, in key order.
type store interface {
	Put(r ...queue.Record) error
	Get(space, key string) ([]byte, error)
	List(space, after string, limit int) (keys []string, values [][]byte, err error)
}

// Catalog is safe for concurrent use; look-ups are cached in memory.
type Catalog struct {
	store store
	now   func() time.Time

	// writer makes reading the state that a write builds on, and the write, one step. It is held during I/O: writes are rare, and reads
	// do not take it. Order: writer before a cache's own lock.
	writer    sync.Mutex
	topics    *cache[Topic]
	templates *cache[Template]
	latest    *cache[int]
}

// How many of each are kept in memory. A template may have a mebibyte.
const (
	cachedTopics    = 10_000
	cachedTemplates = 200
)

// New makes a catalog of what s holds.
func New(s store, now func() time.Time) *Catalog {
	return &Catalog{
		store: s, now: now,
		topics: newCache[Topic](cachedTopics), templates: newCache[Template](cachedTemplates), latest: newCache[int](cachedTopics),
	}
}

// The spaces of records. Keys are tenant "/" id, with "@" and ten digits of version in versionSpace; no id holds an "@".
const (
	topicSpace   = "topic"
	versionSpace = "tmpl"
	latestSpace  = "tmpl-latest" // the number of a template's latest version
)

func recordKey(tenant, id string) string { return tenant + "/" + id }

func versionKey(tenant, id string, version int) string {
	return fmt.Sprintf("%s/%s@%010d", tenant, id, version)
}

// read answers from the cache, or else from the store. Between the two a writer may store something newer; put then keeps that.
func read[T any](c *Catalog, in *cache[T], space, key string) (T, error) {
	v, epoch, ok := in.get(key)
	if ok {
		return v, nil
	}
	value, err := c.store.Get(space, key)
	if errors.Is(err, queue.ErrNotFound) {
		return v, ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(value, &v)
	}
	if err != nil {
		return v, fmt.Errorf("read %s record: %w", space, err)
	}
	in.fill(key, v, epoch)
	return v, nil
}

func record[T any](space, key string, v T) (queue.Record, error) {
	value, err := json.Marshal(v)
	return queue.Record{Space: space, Key: key, Value: value}, err
}

// page lists what a tenant has in a space, by id, from behind `after`.
func page[T any](c *Catalog, space, tenant, after string, limit int) (ids []string, list []T, err error) {
	prefix := recordKey(tenant, "")
	keys, values, err := c.store.List(space, prefix+after, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("list %s records: %w", space, err)
	}
	for i, key := range keys {
		id, own := strings.CutPrefix(key, prefix)
		if !own {
			break // the next tenant's
		}
		var v T
		if err := json.Unmarshal(values[i], &v); err != nil {
			return nil, nil, fmt.Errorf("read %s record: %w", space, err)
		}
		ids, list = append(ids, id), append(list, v)
	}
	return ids, list, nil
}
