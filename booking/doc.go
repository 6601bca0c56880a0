// Package booking is the agenda: offices, services, desks and their hours;
// holds and appointments; the people who work at the counter; and the rules
// that bind them. PostgreSQL is the only arbiter: an exclusion constraint
// decides who gets a slot, whoever asks and from wherever.
//
// # Hours
//
// A desk is one unit of an office's capacity, at a counter or on a screen. The
// union of its weekly rules, less closures (of whole days, or of some hours: a break, an
// early end) and holidays, are made into desk-days: for each
// day and audience a set of stretches of time (tstzmultirange). Local times
// become instants there and only there, so half past eight stays half past
// eight whatever the clocks do that night. What is free is what is open less
// what is occupied, stepped through from the beginning of each stretch.
// Maintain makes the days that come within the horizon; an edit rebuilds the
// days it touches, ends the holds that lost their hours, and lists the
// appointments it is in the way of, which a person must settle.
//
// Services of several offices that do the same bear one Kind; Earliest tells
// who of them has the first free start, and in which mode.
//
// # Editing what is offered
//
// SaveOffice, SaveService and SaveDesk change the catalogue; RetireOffice and
// its like hide what is no longer offered, and keep its appointments. Each has
// a preview, which is the change itself, taken back. PreviewStaff shows whom a
// change of accounts leaves at a desk without a clerk. An edit ends the holds
// that it does not fit and lists the appointments it leaves behind; those
// stay as they were made. A retired desk has no hours, a retired service no
// starts. Each edit raises the revision of its office (the triggers revise_…), also
// one made by hand. A hold goes by what the process remembers of the office, and
// shares a lock on the office's row at the revision of it; a move locks the desk, the
// service and what joins them. So an edit comes wholly before a booking or wholly after.
//
// # The journey of a booking
//
// Hold finds the desks that have the start free, and inserts a row in state held at
// the least loaded of the day; where somebody was faster, at the next. Those who want
// one start at the same moment go together (rivals.go). The row
// carries the hashes of a new secret and of the short code derived from it;
// the secret itself is only ever in the citizen's hands. While the hold lasts
// the citizen says why (SetNote) and who they are (SetPerson, kept in a table
// apart, so that identity can be purged alone). Confirm turns held into
// booked, by comparing and swapping: it can be repeated, and a late one fails
// with ErrHoldExpired, whereupon Rehold takes the same or another start with
// the details kept. Book does it all at once for an operator, and for somebody
// who walks in, needs no name and has arrived already. From there
// Transition follows the diagram at State, Reschedule moves the row in place
// (link, code and room stay), and Cancel gives the slot back.
//
// Arriving in person gives a ticket, by which Calls tells the screens of a
// hall (Hall, Display) whom the desks call, without a name. CallAgain repeats it.
//
// An appointment may be for several services of its office (Together): their
// lengths add up, the strictest of their rules holds, and one desk does them all.
// It goes by the first of them; the others are kept with it.
//
// A virtual appointment has grants: who may enter its room, when, as what.
// The citizen's is made by Confirm from the same secret; hosts and guests get
// theirs on demand. PostgreSQL has the truth (GrantByHash); after each commit
// it is copied to the token store, whose failure never fails a booking.
//
// Confirm, Reschedule and Cancel tell the Notifier within their transaction, so
// that a citizen hears of every change and of nothing else (booking/notify).
//
// A file of appointments (ForecastImport, RunImport) is booked line by line in the
// same way, at a desk of its own where it names one, and outside hours where that was
// asked for. Export gives an agenda as such a file.
//
// # The displaced
//
// What a change leaves at a desk that cannot keep it (its hours, its mode, what
// is done there) stays booked, and is listed by Unsettled until it is moved,
// cancelled or fits again. AskAnother, or AskToMove later, asks the citizens to
// choose another time; also where the desk can keep what is not offered any more.
//
// # The waiting list
//
// Wait makes an appointment without a time: a row in state expired, with its
// secret, code and person, and its place in line (table waiting). What becomes
// free is offered to the first whom it fits: the row is held at that slot for
// some hours of the day, and its citizen told in the same transaction.
// TakeOffer books it, RefuseOffer and time pass it on, Leave ends the waiting.
// Cancel and Reschedule offer at once what they free, Maintain all else. What
// nobody on the list takes may cool before the public sees it (cooling.go), but for
// who let it go and takes it back (TakeBack). What is retired closes its lists, and
// who waited is told.
//
// # Who waits for whom
//
// The constraint no_overlap forbids two live rows of one desk to overlap, holds
// and buffers included. A new hold is one statement (take), INSERT … ON CONFLICT ON
// CONSTRAINT no_overlap DO NOTHING, and so a transaction of its own: while it
// waits for a rival it holds nothing that the rival could want, or, where it is for
// several who go together, only desks that come before the one it waits for. (A check
// before an insert books twice under load; a plain insert books once, but
// rivals deadlock.) The statement shares a lock on the office's row, so that nothing
// it relies on can change beneath it, and its gate before, at which an edit queues
// (gateLock); a hold past its time is expired by whoever wants its place.
//
// Transactions of several statements take their locks in this order:
//
//  1. the advisory lock of the hours (rebuilding) or of those who move
//     appointments within an office (move), never both;
//  2. the gate of the office and then the office, where it is edited, or a desk, or
//     something retired: a hold, which shares them, asks for its desk then (a foreign key);
//  3. desk-days, in ascending order of desk and day;
//  4. the desk, what it does, the service, and then the gates and offices whose
//     revisions that raises;
//  5. the appointment;
//  6. the advisory locks of its contacts (Office.MaxOpen), in alphabetical order;
//  7. its grants;
//  8. the tickets of its office's day.
//
// Should PostgreSQL find a deadlock all the same, the transaction is tried
// again (retry).
//
// # What is kept
//
// What a member of the staff does is noted in the transaction that does it
// (Audit), by the ids of things; no citizen is named there. Maintain removes
// names, contacts, notes and the remarks of ratings some days later (RetentionDays);
// Erase does so at once, on a person's request. What remains is when and how,
// for Statistics.
//
// # Time
//
// Rules ask the clock in Options, never the database's, so that tests can turn
// it. Times given back are in the office's time zone; days travel as calendar
// dates.
package booking
