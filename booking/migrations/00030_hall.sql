-- +goose Up
-- Being called in the hall: a ticket per visitor and day, and the screens
-- that show whom the desks call.
-- +goose StatementBegin
CREATE FUNCTION free_letter(town bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    -- No I, O and Q: from across a hall they are a one and a nought.
    letters constant text[] := regexp_split_to_array('ABCDEFGHJKLMNPRSTUVWXYZ', '');
BEGIN
    -- Two offices made at once take their letters one after the other.
    PERFORM pg_advisory_xact_lock(x'5b070020'::int, hashint8(town));
    RETURN coalesce(
        (SELECT l FROM unnest(letters) l
            WHERE NOT EXISTS (SELECT FROM office o WHERE o.town_id = town AND o.letter = l) ORDER BY l LIMIT 1),
        (SELECT l || m FROM unnest(letters) l, unnest(letters) m
            WHERE NOT EXISTS (SELECT FROM office o WHERE o.town_id = town AND o.letter = l || m) ORDER BY l, m LIMIT 1));
END $$;
-- +goose StatementEnd

ALTER TABLE office ADD COLUMN letter text;
ALTER TABLE office ADD CONSTRAINT office_letter UNIQUE (town_id, letter);
-- +goose StatementBegin
DO $$
DECLARE o record;
BEGIN
    FOR o IN SELECT id, town_id FROM office ORDER BY position, id LOOP
        UPDATE office SET letter = free_letter(o.town_id) WHERE id = o.id;
    END LOOP;
END $$;
-- +goose StatementEnd
ALTER TABLE office ALTER COLUMN letter SET NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION give_letter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.letter IS NULL THEN
        -- A town of more offices than letters calls by the office's number.
        NEW.letter := coalesce(free_letter(NEW.town_id), NEW.id || '-');
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER give_letter BEFORE INSERT ON office FOR EACH ROW EXECUTE FUNCTION give_letter();

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
DROP TRIGGER give_letter ON office;
ALTER TABLE office DROP COLUMN letter;
DROP FUNCTION give_letter(), free_letter(bigint);
