-- +goose Up
-- How long at most a start that the public let go is kept from the public; 0 is not at all.
ALTER TABLE office ADD cool_for interval NOT NULL DEFAULT '0' CHECK (cool_for >= '0');

-- What the public let go, and until when only the waiting list and the staff can have
-- it. It occupies nothing: no_overlap knows nothing of it.
CREATE TABLE cooling (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    desk_id        bigint NOT NULL REFERENCES desk ON DELETE CASCADE,
    appointment_id uuid NOT NULL, -- whose it was: they may have it again
    occupied       tstzrange NOT NULL,
    until          timestamptz NOT NULL
);
CREATE INDEX cooling_desk ON cooling (desk_id);

-- In the transaction that frees the start, whatever frees it: a moment between the
-- two would be what programs wait for.
-- +goose StatementBegin
CREATE FUNCTION start_cools() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cooling (desk_id, appointment_id, occupied, until)
    SELECT OLD.desk_id, OLD.id, OLD.occupied, NEW.changed_at + random() * o.cool_for
    FROM office o WHERE o.id = OLD.office_id AND o.cool_for > '0' AND lower(OLD.occupied) > NEW.changed_at;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER start_cools AFTER UPDATE ON appointment FOR EACH ROW
    WHEN (OLD.state IN ('held', 'booked') AND OLD.audience = 'public' AND NEW.changed_by IS NULL
        AND (NEW.state IN ('expired', 'cancelled') OR NEW.desk_id <> OLD.desk_id OR NEW.occupied <> OLD.occupied))
    EXECUTE FUNCTION start_cools();

-- +goose Down
DROP TRIGGER start_cools ON appointment;
DROP FUNCTION start_cools();
DROP TABLE cooling;
ALTER TABLE office DROP COLUMN cool_for;
