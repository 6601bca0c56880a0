-- +goose Up
-- What the staff did. It names nobody but its own staff: an appointment by
-- its id, whose person is kept, and purged, elsewhere.
CREATE TABLE audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL,
    staff_id  bigint NOT NULL REFERENCES staff,
    action    text NOT NULL,
    kind      text NOT NULL, -- of the object: appointment, office, service, desk, closure, staff, person
    object    text NOT NULL  -- its id
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_staff ON audit (staff_id, at);

-- +goose Down
DROP TABLE audit;
