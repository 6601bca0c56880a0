-- +goose Up
-- Links by which calendar programs read a desk's agenda.
CREATE TABLE desk_feed (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    desk_id    bigint NOT NULL REFERENCES desk ON DELETE CASCADE,
    hash       bytea NOT NULL UNIQUE, -- SHA-256 of the secret in its link
    created_at timestamptz NOT NULL,
    created_by bigint REFERENCES staff,
    revoked_at timestamptz,
    revoked_by bigint REFERENCES staff
);
CREATE INDEX desk_feed_desk ON desk_feed (desk_id);

-- +goose Down
DROP TABLE desk_feed;
