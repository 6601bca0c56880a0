-- +goose Up
-- Files of appointments on their way from being read to being booked. They hold
-- persons, so they live for an hour.
CREATE TABLE agenda_import (
    id            uuid PRIMARY KEY,
    staff_id      bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    expires_at    timestamptz NOT NULL,
    content       text NOT NULL,
    lines         int NOT NULL,
    begun_at      timestamptz, -- when it was confirmed
    outside_hours boolean NOT NULL DEFAULT false,
    tell          boolean NOT NULL DEFAULT false,
    done          int NOT NULL DEFAULT 0, -- lines that were dealt with
    booked        int NOT NULL DEFAULT 0,
    already       int NOT NULL DEFAULT 0,
    refused       jsonb NOT NULL DEFAULT '[]' -- [{"line": 3, "why": "taken"}]
);
CREATE INDEX agenda_import_expires ON agenda_import (expires_at);

ALTER TABLE appointment DROP CONSTRAINT appointment_channel_check;
ALTER TABLE appointment ADD CONSTRAINT appointment_channel_check CHECK (channel IN ('web', 'operator', 'walk_in', 'api', 'import')) NOT VALID;

-- +goose Down
UPDATE appointment SET channel = 'operator' WHERE channel = 'import';
ALTER TABLE appointment DROP CONSTRAINT appointment_channel_check;
ALTER TABLE appointment ADD CONSTRAINT appointment_channel_check CHECK (channel IN ('web', 'operator', 'walk_in', 'api'));
DROP TABLE agenda_import;
