package booking

// Rivals counts those who wait for what becomes of their holds, for the tests outside.
func (a *Agenda) Rivals() int {
	a.rivals.mu.Lock()
	defer a.rivals.mu.Unlock()
	n := 0
	for _, g := range a.rivals.group {
		n += g.inside
	}
	return n
}
