-- +goose Up
-- What an office may set for itself.
ALTER TABLE office
    -- Whether its clerks may look up who came before. No, until the office says so.
    ADD COLUMN history boolean NOT NULL DEFAULT false,
    -- How many days after an appointment it is kept whose it was; 0 is the town's setting.
    ADD COLUMN retention_days int NOT NULL DEFAULT 0 CHECK (retention_days >= 0);

-- +goose Down
ALTER TABLE office DROP COLUMN history, DROP COLUMN retention_days;
