-- +goose Up
-- What was taken out of an office is written behind its id, and is about that office too.
DROP INDEX audit_object;
CREATE INDEX audit_object ON audit (kind, split_part(object, ' ', 1));

-- +goose Down
DROP INDEX audit_object;
CREATE INDEX audit_object ON audit (kind, object);
