-- +goose Up
-- What retention looks for: notes on appointments that are long over.
CREATE INDEX appointment_notes ON appointment (upper(period)) WHERE note <> '' OR staff_note <> '';

-- +goose Down
DROP INDEX appointment_notes;
