// Package testenv gives tests the real thing: a private PostgreSQL and Redis,
// started once per test process on unix sockets, and a database of its own
// for every test.
package testenv
