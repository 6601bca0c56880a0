package booking

// The advisory locks, in one list so that no two are the same.
const (
	// hoursLock is taken by whoever rebuilds desk-days, so that no rebuild writes
	// what it computed from rules already replaced.
	hoursLock = 0x5b07_0001 + iota
	// movingLock is that, per office, of those who move what exists: two that swap
	// places would wait for each other's rows.
	movingLock
	// jobsLock is that of whoever migrates the tables of jobs.
	jobsLock
	// accountsLock is that of whoever changes accounts: two who each take the
	// other's role away must not leave nobody.
	accountsLock
	// importLock is that of whoever books a file: one at a time, so that nothing is
	// booked twice by two who confirm the same.
	importLock
)
