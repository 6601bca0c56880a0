-- +goose Up
-- Who waits for a slot. The appointment is theirs already, with its secret,
-- code and person, in state expired: a hold that is not in force. It is held
-- while a slot is offered to them.
CREATE TABLE waiting (
    appointment_id uuid PRIMARY KEY REFERENCES appointment ON DELETE CASCADE,
    ends_at        timestamptz NOT NULL,              -- midnight after the last day that serves
    turn_at        timestamptz NOT NULL,              -- the place in line
    passed         timestamptz[] NOT NULL DEFAULT '{}', -- the starts that were offered
    left_at        timestamptz
);
CREATE INDEX waiting_turn ON waiting (turn_at) WHERE left_at IS NULL;

-- How long an offered slot is kept, by day.
ALTER TABLE office ADD COLUMN offer_for interval NOT NULL DEFAULT '3 hours' CHECK (offer_for >= '30 minutes');

-- +goose Down
ALTER TABLE office DROP COLUMN offer_for;
DROP TABLE waiting;
