// Package testenv gives tests the real thing: a private PostgreSQL on a unix
// socket, started once per test process when the first test asks for it, with
// a database of its own for every test; and a private Redis for every test.
//
// A package that uses it hands its tests over, so that nothing is left behind:
//
//	func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
//
// Where the servers' binaries are missing the tests fail and say so; they
// never skip.
package testenv
