package atlas

import (
	"container/list"
	"sync"
)

// key names a document: of a set, a tile or the outline of the area with a code.
type key struct {
	set  string
	code string // "" for a tile: no area has that code
	zoom int
	x, y int
}

// entryBytes is about what an entry costs beside its document.
const entryBytes = 300

// cache holds documents up to a number of bytes and lets go of those that were
// not asked for the longest. The zero value is empty.
type cache struct {
	mu    sync.Mutex
	byKey map[key]entry
	order list.List // of keys, the one last asked for in front
	bytes int
}

type entry struct {
	doc Document
	at  *list.Element
}

func (c *cache) get(k key) (Document, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[k]
	if ok {
		c.order.MoveToFront(e.at)
	}
	return e.doc, ok
}

// put keeps a document; one that is larger than limit allows is not kept.
func (c *cache) put(k key, d Document, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil {
		c.byKey = map[key]entry{}
	}
	if _, ok := c.byKey[k]; ok {
		return // somebody else drew it meanwhile: the same
	}
	c.byKey[k] = entry{d, c.order.PushFront(k)}
	c.bytes += d.size() + entryBytes
	for c.bytes > limit {
		oldest, _ := c.order.Remove(c.order.Back()).(key) // it holds nothing else
		c.bytes -= c.byKey[oldest].doc.size() + entryBytes
		delete(c.byKey, oldest)
	}
}
