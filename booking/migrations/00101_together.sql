-- +goose Up
-- What is done in the same appointment beside its service: services of the same
-- office, whose lengths add up. Services are retired, never deleted.
ALTER TABLE appointment ADD also bigint[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE appointment DROP also;
