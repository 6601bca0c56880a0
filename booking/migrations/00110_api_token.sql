-- +goose Up
-- Rights of the municipality's own programs: its site, its app.
CREATE TABLE api_token (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE, -- SHA-256 of the secret
    scopes     text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'book'] AND cardinality(scopes) > 0),
    origins    text[] NOT NULL DEFAULT '{}', -- of pages whose scripts may use it
    created_at timestamptz NOT NULL,
    created_by bigint REFERENCES staff,
    used_on    date, -- the last day somebody came with it
    revoked_at timestamptz,
    revoked_by bigint REFERENCES staff
);

ALTER TABLE appointment DROP CONSTRAINT appointment_channel_check;
ALTER TABLE appointment ADD CONSTRAINT appointment_channel_check CHECK (channel IN ('web', 'operator', 'walk_in', 'api')) NOT VALID;

-- +goose Down
UPDATE appointment SET channel = 'web' WHERE channel = 'api';
ALTER TABLE appointment DROP CONSTRAINT appointment_channel_check;
ALTER TABLE appointment ADD CONSTRAINT appointment_channel_check CHECK (channel IN ('web', 'operator', 'walk_in'));
DROP TABLE api_token;
