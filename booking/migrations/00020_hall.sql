-- +goose Up
-- Being called in the hall: a ticket per visitor and day, and the screens
-- that show whom the desks call.
-- +goose StatementBegin
CREATE FUNCTION free_letter() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- No I, O and Q: from across a hall they are a one and a nought.
    letters constant text[] := regexp_split_to_array('ABCDEFGHJKLMNPRSTUVWXYZ', '');
BEGIN
    -- Two offices made at once take their letters one after the other.
    PERFORM pg_advisory_xact_lock(x'5b070020'::bit(32)::int, 0);
    RETURN (
        SELECT w.letter FROM (
            SELECT l AS letter, 1 AS length FROM unnest(letters) l
            UNION ALL SELECT l || m, 2 FROM unnest(letters) l, unnest(letters) m) w
        WHERE NOT EXISTS (SELECT FROM office o WHERE o.letter = w.letter)
        ORDER BY w.length, w.letter LIMIT 1);
END $$;
-- +goose StatementEnd

ALTER TABLE office ADD COLUMN letter text UNIQUE;
-- +goose StatementBegin
DO $$
DECLARE o record;
BEGIN
    FOR o IN SELECT id FROM office ORDER BY position, id LOOP
        UPDATE office SET letter = free_letter() WHERE id = o.id;
    END LOOP;
END $$;
-- +goose StatementEnd
ALTER TABLE office ALTER COLUMN letter SET DEFAULT free_letter(), ALTER COLUMN letter SET NOT NULL;

-- The last number given of an office's day.
CREATE TABLE ticket_day (
    office_id bigint NOT NULL REFERENCES office ON DELETE CASCADE,
    day       date NOT NULL,
    last      int NOT NULL,
    PRIMARY KEY (office_id, day)
);

ALTER TABLE appointment
    ADD COLUMN ticket         text NOT NULL DEFAULT '',  -- "A7"; empty until somebody is here
    ADD COLUMN calls          int NOT NULL DEFAULT 0,    -- how often they were called
    ADD COLUMN last_called_at timestamptz;
CREATE UNIQUE INDEX appointment_ticket ON appointment (office_id, day, ticket) WHERE ticket <> '';

-- A screen in a hall: of a whole building, or of one office.
CREATE TABLE hall_display (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    building   text,
    office_id  bigint REFERENCES office ON DELETE CASCADE,
    hash       bytea NOT NULL UNIQUE, -- SHA-256 of the secret in its link
    created_at timestamptz NOT NULL,
    created_by bigint REFERENCES staff,
    revoked_at timestamptz,
    revoked_by bigint REFERENCES staff,
    CHECK (num_nonnulls(building, office_id) = 1)
);

-- +goose Down
DROP TABLE hall_display;
DROP INDEX appointment_ticket;
ALTER TABLE appointment DROP COLUMN ticket, DROP COLUMN calls, DROP COLUMN last_called_at;
DROP TABLE ticket_day;
ALTER TABLE office DROP COLUMN letter;
DROP FUNCTION free_letter();
