-- +goose Up
-- An appointment for several services is rated once, as a whole.
ALTER TABLE rating ADD also bigint[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE rating DROP COLUMN also;
