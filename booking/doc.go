// Package booking is the agenda: offices, services, desks and their hours;
// holds and appointments; the people who work at the counter; and the rules
// that bind them. PostgreSQL is the only arbiter: an exclusion constraint
// decides who gets a slot, whoever asks and from wherever.
package booking
