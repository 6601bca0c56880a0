// Package tally counts in Redis what several processes must know together: how
// often somebody came lately, and which proofs of work were used. Each answer is
// one script or command, so that of two processes asking at once each counts; each
// key ends by itself. Losing Redis loses counts of minutes and nothing else.
package tally
