-- +goose Up
-- The secret of an appointment whose citizen gets mail, sealed with a key that
-- is not in the database, so that later mails carry the link too. It goes with
-- the appointment's end, its cancelling, or the person's data.
CREATE TABLE appointment_link (
    appointment_id uuid PRIMARY KEY REFERENCES appointment_person ON DELETE CASCADE,
    sealed         bytea NOT NULL
);

-- +goose Down
DROP TABLE appointment_link;
