-- +goose Up
-- Services of one kind are the same service at several offices of a town: what
-- one of them does for a citizen, the others do as well.
ALTER TABLE service ADD kind text NOT NULL DEFAULT '';
CREATE INDEX service_kind ON service (kind) WHERE kind <> '';

-- +goose Down
DROP INDEX service_kind;
ALTER TABLE service DROP kind;
