-- +goose Up
-- What was done to one appointment, office or account is asked for by it.
CREATE INDEX audit_object ON audit (kind, object);

-- +goose Down
DROP INDEX audit_object;
