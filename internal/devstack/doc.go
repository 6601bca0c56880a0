// Package devstack starts a PostgreSQL and a Redis of one's own: on unix
// sockets in a folder, with the distribution's binaries, without root's or
// anybody's set-up. Development mode keeps such a folder (".dev"), tests throw
// theirs away.
//
// PostgreSQL refuses to run as root. Started by root it therefore runs in a
// user namespace in which root is an ordinary user; where the kernel does not
// allow that, it runs as the user postgres.
//
// The servers never outlive the process that started them, not even after
// kill -9: the kernel sends them SIGINT when the thread that forked them
// dies (prctl(2), PR_SET_PDEATHSIG). That thread is kept for as long as the
// server runs.
package devstack
