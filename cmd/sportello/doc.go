// Command sportello is a municipality's virtual counter in one binary: the
// only place where its parts are wired together.
//
//	dev      a whole counter of one's own, with a demonstration town
//	serve    the counter, on a PostgreSQL and a Redis that are there
//	migrate  brings the database's schema up to date
//	seed     adds offices, services and desks from data files
//	staff    adds accounts
//
// A start goes settings → connections (retried) → migrations → agenda, media,
// signalling, pages → listening. A stop goes the other way: no new requests,
// calls are told, what is under way ends, then the connections close.
package main
