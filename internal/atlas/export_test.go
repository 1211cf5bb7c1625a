package atlas

// Kept returns how much the cache holds.
func (a *Atlas) Kept() (bytes, entries int) {
	a.drawn.mu.Lock()
	defer a.drawn.mu.Unlock()
	return a.drawn.bytes, len(a.drawn.byKey)
}
