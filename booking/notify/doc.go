// Package notify tells citizens what becomes of their appointments: by e-mail,
// or by text message where they left a phone and no address.
//
// # The journey of a notice
//
// The agenda calls Queue.Notify within the transaction that confirms, moves or
// cancels. It inserts a job of river's beside the change, so that both are
// there or neither is; a confirmation and a move also leave a reminder for the
// day before. Taking a place on the waiting list and being offered a slot are told
// the same way, an offer not before the morning. A job holds the appointment's id, its version and its start: no
// name, no address, no secret.
//
// A Postman works the jobs. It reads the appointment as it stands, lets go
// what is no longer true (a reminder of a start that was moved, a confirmation
// of what was cancelled: another notice tells that), has a Writer put it into
// words, and hands it to a Mailer or a Texter. What fails is tried again with
// growing pauses, until the appointment is over; only an address that the
// mail server refuses for good is given up.
//
// # Once
//
// A job is unique by kind, appointment, version and start, and a change raises
// the version once: no notice is queued twice. Between the mail server's
// acceptance and the job's completion, which is written at once, a crash
// leaves a moment in which a notice is sent again: delivery is at least once.
// The second copy carries the same Message-ID, UID and SEQUENCE as the first,
// by which mail servers and calendars know it, and a gateway gets the same
// Idempotency-Key.
//
// # Secrets
//
// The agenda stores hashes only, but a mail must carry the link. So the secret
// of an appointment whose citizen can be reached is kept sealed (AES-256-GCM,
// bound to the appointment's id) under a key that is not in the database, from
// the confirmation until the appointment's end.
package notify
