-- +goose Up
-- Appointments at a time that their desk cannot keep any more, whose citizens
-- were asked to take another.
CREATE TABLE displaced (
    appointment_id uuid PRIMARY KEY REFERENCES appointment ON DELETE CASCADE,
    asked_at       timestamptz NOT NULL,
    asked_by       bigint REFERENCES staff
);

-- +goose Down
DROP TABLE displaced;
