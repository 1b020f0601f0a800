package catalog

import "sync"

// cache is a bounded map. What is dropped when it is full is left to chance: whoever is asked for often comes back at once.
// Safe for concurrent use.
type cache[T any] struct {
	mu struct {
		sync.RWMutex
		values map[string]T
		epoch  uint64 // counts writes
	}
	max int
}

func newCache[T any](max int) *cache[T] {
	c := &cache[T]{max: max}
	c.mu.values = map[string]T{}
	return c
}

// get returns the value of key, and the epoch that a later fill has to name.
func (c *cache[T]) get(key string) (v T, epoch uint64, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok = c.mu.values[key]
	return v, c.mu.epoch, ok
}

// fill adds what a reader found in the store, unless something was written since it looked.
func (c *cache[T]) fill(key string, v T, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.epoch == epoch {
		c.put(key, v)
	}
}

// set puts what was just written.
func (c *cache[T]) set(key string, v T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.epoch++
	c.put(key, v)
}

// drop forgets key, whose stored value is about to change or in doubt.
func (c *cache[T]) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.epoch++
	delete(c.mu.values, key)
}

func (c *cache[T]) put(key string, v T) {
	for old := range c.mu.values {
		if len(c.mu.values) < c.max {
			break
		}
		delete(c.mu.values, old)
	}
	c.mu.values[key] = v
}
